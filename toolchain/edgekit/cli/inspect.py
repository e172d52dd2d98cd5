"""`edgekit inspect`: look into a finished model."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("model", metavar="BUNDLE|MODEL", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the result for machines.")
def inspect(model: Path, as_json: bool) -> None:
    """Look into a BUNDLE, or a bare .tflite MODEL.

    Shows inputs and outputs with their quantization, operators with their multiply-accumulates,
    parameters, size, the peak of the activations, and for a bundle how it was made. No
    interpreter is loaded, so a file that kills one can be looked into.
    """
    from edgekit.inspecting import inspect as look_into

    inspection = look_into(model)
    if as_json:
        from edgekit_runtime.codec import dumps_document

        click.echo(dumps_document(inspection), nl=False)
        return
    from rich.console import Console

    from edgekit.reports.render.inspection import print_inspection

    print_inspection(inspection, Console(highlight=False))
