"""`edgekit bench --device all`: every device of the fleet side by side, with one progress line each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from edgekit.cli.console import Lines, Volume
from edgekit.fleet import Outcome, bench_fleet, devices
from edgekit_runtime.progress import Progress, silent
from edgekit_runtime.record import BenchSettings

FOLDER = Path("reports")
FAILED = 3


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
        click.echo(f"Compare them: edgekit compare {folder}/*.json", err=True)
    if any(outcome.error is not None for outcome in outcomes):
        raise click.exceptions.Exit(FAILED)


def _line(outcome: Outcome) -> str:
    if outcome.error is not None:
        return f"{outcome.name}: error: {outcome.error}"
    assert outcome.report is not None
    from edgekit.reports.render.units import figure_text, unit_for

    figure = outcome.report.figure("latency_p50")
    unit = unit_for((figure,))
    shown = figure.reason if figure.value is None else f"{figure_text(figure, unit)} {unit.name}"
    return f"{outcome.name}: latency_p50 {shown}; {outcome.path}"


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
