"""`edgekit convert`: a trained model to a bundle for a device."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgekit.cli.console import Volume, progress
from edgekit.cli.pictures import PICTURE_NAMES, picture_options
from edgekit.cli.sections import Sectioned
from edgekit.cli.smaller import Smaller, smaller_options
from edgekit_converters.settings import SCHEMES

if TYPE_CHECKING:
    from edgekit.pipeline.convert import Converted
    from edgekit.pipeline.plan import Plan
    from edgekit_converters.settings import PictureSettings

PATH = click.Path(path_type=Path)
BYTES = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def read_size(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """Read a number of bytes, such as `4GB` or `512MiB`; click's callback for an option."""
    if value is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", value)
    if found is None or found[2].upper() not in BYTES:
        raise click.BadParameter(
            f"{value!r} is no size; allowed: a number with KB, MB, GB, KiB, MiB or GiB.", ctx, param
        )
    return int(float(found[1]) * BYTES[found[2].upper()])


def schemes_help() -> str:
    """Every scheme with what it is for; the first line tells click to leave the others as they are."""
    indent = " " * 20
    rows = (
        textwrap.fill(f"  {name:<18}{scheme.purpose}", 80, subsequent_indent=indent) for name, scheme in SCHEMES.items()
    )
    return "\b\nSchemes:\n" + "\n".join(rows)


SECTIONS = {
    "Source model": ("weights", "shapes", "dtypes", "trust", "custom"),
    "Pictures": PICTURE_NAMES,
    "Smaller networks": Smaller._fields,
}


@click.command(cls=Sectioned, sections=SECTIONS, epilog=schemes_help())
@click.argument("model", type=PATH)
@click.option("--target", required=True, metavar="NAME|FILE.toml", help="Device to convert for.")
@click.option("--format", "model_format", metavar="tflite|onnx", help="Of the file.  [default: what the target runs]")
@click.option("--quantize", metavar="SCHEME", help="One of those below.  [default: what the target chooses]")
@click.option("--calibrate", type=PATH, metavar="DATA", help="Samples of real inputs that give the ranges.")
@click.option("--calibration", metavar="WAY", help="Of finding ranges: minmax or percentile.  [default: minmax]")
@click.option("--evaluate", type=PATH, metavar="DATA", help="Samples with labels that give the accuracy.")
@click.option("--metric", default="auto", show_default=True, help="A metric; auto goes by the labels.")
@picture_options
@smaller_options
@click.option("--input-dtype", multiple=True, metavar="[NAME=]TYPE", help="Type of all inputs, or of one.")
@click.option("--output-dtype", multiple=True, metavar="[NAME=]TYPE", help="Type of all outputs, or of one.")
@click.option("--samples", type=click.IntRange(min=1), default=500, show_default=True, help="Calibration samples.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of every draw.")
@click.option("-o", "--output", type=PATH, metavar="OUT", help="A folder, or a zip when it ends in .edgekit.")
@click.option("--license", "license_name", metavar="NAME", help="Licence of the model, kept in the bundle.")
@click.option("--model-card", type=PATH, metavar="FILE", help="What the model is for, as a text kept in the bundle.")
@click.option("--memory-limit", callback=read_size, metavar="SIZE", help="End the conversion above this, such as 4GB.")
@click.option("--trust", is_flag=True, help="Let code inside the model run (Lambda layers, --custom).")
@click.option("--custom", multiple=True, metavar="MODULE", help="Your module that defines classes of the model.")
@click.option("--weights", type=PATH, metavar="FILE", help="Weights of a PyTorch model that code makes.")
@click.option("--shape", "shapes", multiple=True, metavar="[NAME=]1,3,32,32", help="Shape of an input, batch first.")
@click.option("--dtype", "dtypes", multiple=True, metavar="[NAME=]TYPE", help="Type of an input, such as int64.")
@click.option("--force", is_flag=True, help="Replace the output if it is there.")
@click.option("--dry-run", is_flag=True, help="Print the plan with its reasons, and convert nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the result for machines.")
@click.pass_obj
def convert(  # noqa: PLR0913, PLR0917  # one parameter for each option is click's way
    volume: Volume,
    model: Path,
    target: str,
    model_format: str | None,
    quantize: str | None,
    calibrate: Path | None,
    calibration: str | None,
    evaluate: Path | None,
    metric: str,
    pictures: PictureSettings,
    smaller: Smaller,
    input_dtype: tuple[str, ...],
    output_dtype: tuple[str, ...],
    samples: int,
    seed: int,
    output: Path | None,
    license_name: str | None,
    model_card: Path | None,
    memory_limit: int | None,
    trust: bool,
    custom: tuple[str, ...],
    weights: Path | None,
    shapes: tuple[str, ...],
    dtypes: tuple[str, ...],
    force: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Turn a trained MODEL into a bundle for a device.

    MODEL is one of: Keras (.keras, .h5, a SavedModel folder); PyTorch (a .pt2 program, or
    file.py:function or module:Class that makes the model, with --weights); .onnx; .tflite.

    The bundle holds the model as .tflite or .onnx, samples with the outputs a device must
    give, the target's profile, and how accurate the file is beside its source.

    DATA is an .npz or .npy file, a folder of them, a folder of pictures with a folder for each
    class, or MODULE:FUNCTION of your own, which gives the samples.
    """
    from edgekit.pipeline.plan import make_plan
    from edgekit.pipeline.request import Request

    request = Request(
        model=model,
        target=target,
        model_format=model_format,
        quantize=quantize,
        input_dtypes=input_dtype,
        output_dtypes=output_dtype,
        calibrate=calibrate,
        calibration=calibration,
        evaluate=evaluate,
        metric=metric,
        pictures=pictures,
        samples=samples,
        seed=seed,
        output=output,
        license=license_name,
        model_card=model_card,
        trust=trust,
        custom=custom,
        weights=weights,
        shapes=shapes,
        dtypes=dtypes,
        force=force,
        **smaller._asdict(),
    )
    plan = make_plan(request)
    if dry_run:
        _show_plan(plan, as_json)
        return
    from edgekit.pipeline.convert import run_plan

    with progress(volume.quiet, volume.verbose) as shown:
        converted = run_plan(
            plan,
            progress=shown,
            on_log=_log if volume.verbose else None,
            memory_limit_bytes=memory_limit,
            on_note=shown.note,
        )
    _show_converted(converted, as_json)


def _show_plan(plan: Plan, as_json: bool) -> None:
    if as_json:
        from edgekit_runtime.codec import dumps

        tree = {"target": plan.target.profile.name, "output": str(plan.output), "choices": plan.choices}
        click.echo(dumps(tree, schema="edgekit/plan", version=1), nl=False)
        return
    from rich.console import Console

    from edgekit.reports.render.conversion import print_plan

    print_plan(plan, Console(highlight=False))


def _show_converted(converted: Converted, as_json: bool) -> None:
    if as_json:
        from edgekit_runtime.codec import dumps

        tree = {**vars(converted), "path": str(converted.path)}
        click.echo(dumps(tree, schema="edgekit/converted", version=1), nl=False)
        return
    from rich.console import Console

    from edgekit.reports.render.conversion import print_converted

    print_converted(converted, Console(highlight=False))


def _log(line: str) -> None:
    click.echo(line, nl=False, err=True)
