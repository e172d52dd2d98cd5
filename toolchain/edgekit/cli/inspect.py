"""`edgekit inspect`: look into a model."""

from __future__ import annotations

from pathlib import Path

import click

from edgekit.cli.console import Volume, progress

PATH = click.Path(path_type=Path)


@click.command()
@click.argument("model", metavar="BUNDLE|MODEL", type=PATH)
@click.option("--format", "model_format", metavar="tflite|onnx", help="What a source model is exported to.")
@click.option("--shape", "shapes", multiple=True, metavar="[NAME=]1,3,32,32", help="Shape of an input, batch first.")
@click.option("--dtype", "dtypes", multiple=True, metavar="[NAME=]TYPE", help="Type of an input, such as int64.")
@click.option("--weights", type=PATH, metavar="FILE", help="Weights of a PyTorch model that code makes.")
@click.option("--trust", is_flag=True, help="Let code inside the model run (Lambda layers, --custom).")
@click.option("--custom", multiple=True, metavar="MODULE", help="Your module that defines classes of the model.")
@click.option("--json", "as_json", is_flag=True, help="Print the result for machines.")
@click.pass_obj
def inspect(  # noqa: PLR0913, PLR0917  # one parameter for each option is click's way
    volume: Volume,
    model: Path,
    model_format: str | None,
    shapes: tuple[str, ...],
    dtypes: tuple[str, ...],
    weights: Path | None,
    trust: bool,
    custom: tuple[str, ...],
    as_json: bool,
) -> None:
    """Look into a BUNDLE or a MODEL.

    Shows inputs and outputs with their quantization, operators with their multiply-accumulates,
    parameters, size, the peak of the activations, and for a bundle how it was made.

    A .tflite or .onnx file is read as it is. No interpreter is loaded, so a file that kills one
    can be looked into; where an .onnx file leaves lengths open, --shape says what to count with.
    Any other MODEL that convert takes is exported as float32 first, by its framework.
    """
    from edgekit.inspecting import inspect as look_into

    with progress(volume.quiet, volume.verbose) as shown:
        inspection = look_into(
            model,
            model_format=model_format,
            shapes=shapes,
            dtypes=dtypes,
            weights=weights,
            trust=trust,
            custom=custom,
            progress=shown,
            on_log=_log if volume.verbose else None,
        )
    if as_json:
        from edgekit_runtime.codec import dumps_document

        click.echo(dumps_document(inspection), nl=False)
        return
    from rich.console import Console

    from edgekit.reports.render.inspection import print_inspection

    print_inspection(inspection, Console(highlight=False))


def _log(line: str) -> None:
    click.echo(line, nl=False, err=True)
