"""`edgekit estimate`: predict what a finished model costs on a target."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("model", metavar="BUNDLE|MODEL", type=click.Path(path_type=Path))
@click.option("--target", metavar="NAME|FILE.toml|all", help="The target; a bundle's own by default.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads of the interpreter.  [default: 1]")
@click.option(
    "--measured",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="REPORT.json",
    help="A measurement on such a board with the same runtime: it replaces the scale.",
)
@click.option(
    "--measured-model",
    type=click.Path(path_type=Path),
    metavar="BUNDLE|MODEL",
    help="The model that was measured, where it is another one.",
)
@click.option("--compile", "ask_compiler", is_flag=True, help="Ask accelerators' compilers for cycles, too.")
@click.option("--json", "as_json", is_flag=True, help="Print the result for machines.")
def estimate(
    model: Path,
    target: str | None,
    threads: int | None,
    measured: Path | None,
    measured_model: Path | None,
    ask_compiler: bool,
    as_json: bool,
) -> None:
    """Predict what a BUNDLE, or a bare MODEL, costs on a target that is not at hand.

    Latency, throughput, memory and energy, where they go operator by operator, and what would
    help, by what it wins. Every figure is predicted, with a range. On cores of which latencies were
    published, theirs held 9 of 10 of those; where no published figure checks one, such as float32
    on a Raspberry Pi 5, .onnx files and memory, it says so. Under 5 ms only the order of magnitude
    is told. With --target all: one line for each target, whether the model fits it and why not,
    what the fix takes, and what the model costs with it.
    """
    from edgekit.estimating import ALL
    from edgekit.estimating import estimate as predict

    found = predict(
        model,
        target=target,
        threads=threads,
        measured_report=measured,
        measured_model=measured_model,
        ask_compiler=ask_compiler,
    )
    if as_json:
        from edgekit_runtime.codec import dumps_document

        click.echo(dumps_document(found), nl=False)
        return
    from rich.console import Console

    from edgekit.reports.render.estimate import print_estimate
    from edgekit.reports.render.estimate_table import print_targets

    console = Console(highlight=False)
    if target == ALL:
        print_targets(found, console)
    else:
        print_estimate(found, console)
