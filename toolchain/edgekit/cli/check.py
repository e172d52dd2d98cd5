"""`edgekit check`: hold a model against a target."""

from __future__ import annotations

from pathlib import Path

import click

BROKEN = 1


@click.command()
@click.argument("model", metavar="BUNDLE|MODEL", type=click.Path(path_type=Path))
@click.option("--target", required=True, metavar="NAME|FILE.toml", help="A target, or a profile of your own.")
@click.option("--json", "as_json", is_flag=True, help="Print the result for machines.")
@click.pass_context
def check(ctx: click.Context, model: Path, target: str, as_json: bool) -> None:
    """Hold a BUNDLE, or a bare .tflite or .onnx MODEL, against a target.

    Tells every demand of the target that the model does not meet, the most costly first, with what
    it costs and what to do. Ends with status 1 if the model does not fit.
    """
    from edgekit.checking import check as hold

    found = hold(model, target)
    if as_json:
        from edgekit_runtime.codec import dumps_document

        click.echo(dumps_document(found), nl=False)
    else:
        from rich.console import Console

        from edgekit.reports.render.check import print_check

        print_check(found, Console(highlight=False))
    if not found.fits:
        ctx.exit(BROKEN)
