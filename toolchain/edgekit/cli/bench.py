"""`edgekit bench`: measure a bundle, or a bare model file, on a device."""

from __future__ import annotations

from pathlib import Path

import click

from edgekit.cli.addresses import complete_address
from edgekit.cli.console import Volume, progress
from edgekit.cli.duration import DURATION

ALL = "all"


@click.command()
@click.argument("model", metavar="BUNDLE|MODEL", type=click.Path(path_type=Path))
@click.option(
    "--device",
    default="local",
    show_default=True,
    metavar="ADDRESS|all",
    shell_complete=complete_address,
    help="Where to measure; all: on every device of fleet.toml.",
)
@click.option("--target", metavar="NAME|FILE.toml", help="Hold against this target instead of the bundle's own.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE|FOLDER",
    help="Write the report there, as JSON; with --device all, the reports into a folder.",
)
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Threads of the interpreter.")
@click.option(
    "--batch",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Samples in one inference, where the model's batch axis is free.",
)
@click.option("--throughput", is_flag=True, help="Also measure inferences per second, by threads and by interpreters.")
@click.option(
    "--weight-cache", is_flag=True, help="Also measure the load time with and without XNNPACK's weight cache."
)
@click.option("--operators", is_flag=True, help="Also time each operator.")
@click.option("--pin", default="", metavar="CORES", help="Measure on these cores only, such as 2,3 or 0-1.")
@click.option(
    "--sustain",
    type=DURATION,
    default=0.0,
    metavar="TIME",
    help="Also run one process for so long without a rest, such as 60s or 5min.",
)
@click.option("--counters", is_flag=True, help="Also count instructions and cycles, where the processor lets.")
@click.option(
    "--energy",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a power sensor is read, idle and busy, in each of 5 processes; 0 leaves energy out.",
)
@click.option(
    "--operating-points",
    is_flag=True,
    help="Also look for the threads, interpreters and (as root there) clock limit and governor of least energy.",
)
@click.option(
    "--latency-budget",
    type=DURATION,
    default=0.0,
    metavar="TIME",
    help="What an inference may take at an operating point, such as 20ms.",
)
@click.option(
    "--meter",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.csv",
    help="Take the energy from the log that an external power meter is writing on this machine.",
)
@click.option(
    "--meter-offset",
    type=float,
    default=0.0,
    show_default=True,
    metavar="SECONDS",
    help="What to add to the meter's times to have this machine's.",
)
@click.option("--runs", type=click.IntRange(min=5), default=5, show_default=True, help="Fresh processes at least.")
@click.option("--max-runs", type=click.IntRange(min=5), default=20, show_default=True, help="Fresh processes at most.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=120.0,
    show_default=True,
    help="Seconds after which one process is given up.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report for machines.")
@click.pass_obj
def bench(  # noqa: PLR0913, PLR0917  # one parameter for each option is click's way
    volume: Volume,
    model: Path,
    device: str,
    target: str | None,
    output: Path | None,
    threads: int,
    batch: int,
    throughput: bool,
    weight_cache: bool,
    operators: bool,
    pin: str,
    sustain: float,
    counters: bool,
    energy: float,
    operating_points: bool,
    latency_budget: float,
    meter: Path | None,
    meter_offset: float,
    runs: int,
    max_runs: int,
    timeout: float,
    as_json: bool,
) -> None:
    """Measure a BUNDLE, or a bare MODEL (.tflite or .onnx), on a device.

    Golden outputs are checked first. Then fresh processes measure, until the 95 % interval of the
    median latency is narrower than 3 % of it, or --max-runs is reached.
    """
    from edgekit.benching import bench as measure
    from edgekit.reports.report import write_report
    from edgekit_runtime.record import BenchSettings

    try:
        settings = BenchSettings(
            threads=threads,
            batch=batch,
            min_runs=runs,
            max_runs=max(runs, max_runs),
            timeout_s=timeout,
            energy_s=energy,
            throughput=throughput,
            weight_cache=weight_cache,
            operators=operators,
            pin=pin,
            sustain_s=sustain,
            counters=counters,
            windows=meter is not None,
            operating_points=operating_points,
            latency_budget_ms=latency_budget * 1e3,
        )
    except ValueError as error:  # such as NaN, which no range of click's keeps out
        raise click.UsageError(f"{error}.") from error
    if device != ALL and output is not None and output.is_dir():
        raise click.UsageError(f"-o {output} is a folder; allowed: a file, or with --device all a folder.")
    if device == ALL and meter is not None:
        raise click.UsageError("--meter goes with one device; give its name.")
    if device == ALL:
        from edgekit.cli.fleet import bench_all

        bench_all(model, output, settings, target, volume, as_json)
        return
    with progress(volume.quiet, volume.verbose) as shown:
        report = measure(
            model,
            device=device,
            target=target,
            settings=settings,
            progress=shown,
            meter=meter,
            meter_offset_s=meter_offset,
        )
    if output is not None:
        write_report(report, output)
    if as_json:
        from edgekit_runtime.codec import dumps_document

        click.echo(dumps_document(report), nl=False)
        return
    from rich.console import Console

    from edgekit.reports.render.terminal import print_report

    print_report(report, Console(highlight=False))
    if output is not None:
        click.echo(f"Report: {output}", err=True)
