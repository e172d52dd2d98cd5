"""`edgekit bench --device all`: every device of the fleet side by side, with one progress line each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from edgekit.cli.console import Lines, Volume
from edgekit.fleet import Outcome, bench_fleet, devices
from edgekit.reports.report import Report
from edgekit_runtime.progress import Progress, silent
from edgekit_runtime.record import BenchSettings

FOLDER = Path("reports")
FAILED = 3
METRICS = ("latency_p50", "instructions")  # the second of an emulated board, whose latency is not always predicted


def bench_all(
    model: Path, output: Path | None, settings: BenchSettings, target: str | None, volume: Volume, as_json: bool
) -> None:
    """Measure a model on all devices, print a line for each, and end with 3 if one failed."""
    folder = output or FOLDER
    with _lines(tuple(devices()), volume) as progress_of:
        outcomes = bench_fleet(model, folder, settings=settings, target=target, progress_of=progress_of)
    if as_json:
        _print_json(outcomes)
    else:
        for outcome in outcomes:
            click.echo(_line(outcome), err=outcome.error is not None)
        if not volume.quiet and sum(outcome.report is not None for outcome in outcomes) > 1:
            click.echo(f"Compare them: edgekit compare {folder}/*.json", err=True)
    if any(outcome.error is not None for outcome in outcomes):
        raise click.exceptions.Exit(FAILED)


def _line(outcome: Outcome) -> str:
    if outcome.error is not None:
        return f"{outcome.name}: error: {outcome.error}"
    assert outcome.report is not None
    return f"{outcome.name}: {_first_figure(outcome.report)}; {outcome.path}"


def _first_figure(report: Report) -> str:
    """The first figure of a report that is there; why there is no latency where none is."""
    from edgekit.reports.render.units import figure_text, unit_for

    for metric in METRICS:
        figure = report.figure(metric)
        if figure.value is not None:
            unit = unit_for((figure,))
            return f"{metric} {figure_text(figure, unit)} {unit.name}"
    return f"{METRICS[0]} {report.figure(METRICS[0]).reason}"


def _print_json(outcomes: tuple[Outcome, ...]) -> None:
    from edgekit_runtime.codec import dumps

    rows = [
        {
            "device": outcome.name,
            "report": None if outcome.path is None else str(outcome.path),
            "error": None if outcome.error is None else {"code": outcome.error.code, "message": outcome.error.message},
        }
        for outcome in outcomes
    ]
    click.echo(dumps({"devices": rows}, schema="edgekit/fleet-bench", version=1), nl=False)


@contextmanager
def _lines(names: tuple[str, ...], volume: Volume) -> Iterator[Callable[[str], Progress]]:
    if volume.quiet:
        yield lambda _: silent
    elif volume.verbose or not sys.stderr.isatty():
        yield _named_lines
    else:
        from rich.console import Console
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn
        from rich.progress import Progress as Bars

        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
        with Bars(*columns, console=Console(stderr=True)) as bars:
            tasks = {name: bars.add_task(name, total=None) for name in names}

            def progress_of(name: str) -> Progress:
                def show(stage: str, done: int, total: int) -> None:
                    bars.update(tasks[name], description=f"{name}: {stage}", completed=done, total=total or None)

                return show

            yield progress_of


def _named_lines(name: str) -> Progress:
    lines = Lines()
    return lambda stage, done, total: lines(f"{name}: {stage}", done, total)
