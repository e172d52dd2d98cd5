"""`edgekit bench`: measure a bundle, or a bare model file, on a device."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgekit.cli.addresses import complete_address
from edgekit.cli.console import Volume, progress
from edgekit.cli.measuring import SECTIONS, Measuring, measuring_options, settings_of
from edgekit.cli.sections import Sectioned

if TYPE_CHECKING:
    from edgekit.reports.report import Report
    from edgekit_runtime.record import BenchSettings

ALL = "all"


@click.command(cls=Sectioned, sections=SECTIONS)
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
@measuring_options
@click.option("--json", "as_json", is_flag=True, help="Print the report for machines.")
@click.pass_obj
def bench(
    volume: Volume,
    model: Path,
    device: str,
    target: str | None,
    output: Path | None,
    as_json: bool,
    asked: Measuring,
) -> None:
    """Measure a BUNDLE, or a bare MODEL (.tflite or .onnx), on a device.

    Golden outputs are checked first. Then fresh processes measure, until the 95 % interval of the
    median latency is narrower than 3 % of it, or --max-runs is reached.
    """
    settings = settings_of(asked)
    if device == ALL:
        if asked.meter is not None:
            raise click.UsageError("--meter goes with one device; give its name.")
        from edgekit.cli.fleet import bench_all

        bench_all(model, output, settings, target, volume, as_json)
        return
    if output is not None and output.is_dir():
        raise click.UsageError(f"-o {output} is a folder; allowed: a file, or with --device all a folder.")
    if output is not None:
        _require_folder(output.parent)
    report = _measure(model, device, target, settings, asked, volume)
    if output is not None:
        from edgekit.reports.report import write_report

        write_report(report, output)
    _print(report, as_json)
    if output is not None and not (as_json or volume.quiet):
        click.echo(f"Report: {output}", err=True)


def _require_folder(folder: Path) -> None:
    """See to it before minutes of measuring that the report can be written."""
    from edgekit_runtime.errors import OutputError

    if not folder.is_dir():
        raise OutputError(f"{folder}: no such folder for the report.", hint="Make it, or choose another with -o.")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"{folder}: the report cannot be written there.", hint="Choose another folder with -o.")


def _measure(
    model: Path, device: str, target: str | None, settings: BenchSettings, asked: Measuring, volume: Volume
) -> Report:
    from edgekit.benching import bench as measure

    with progress(volume.quiet, volume.verbose) as shown:
        return measure(
            model,
            device=device,
            target=target,
            settings=settings,
            progress=shown,
            meter=asked.meter,
            meter_offset_s=asked.meter_offset or 0.0,
        )


def _print(report: Report, as_json: bool) -> None:
    if as_json:
        from edgekit_runtime.codec import dumps_document

        click.echo(dumps_document(report), nl=False)
        return
    from rich.console import Console

    from edgekit.reports.render.terminal import print_report

    print_report(report, Console(highlight=False))
