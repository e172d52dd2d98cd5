"""`edgekit check`: hold a model against a target."""

from __future__ import annotations

from pathlib import Path

import click

from edgekit.cli.console import progress

BROKEN = 1


@click.command()
@click.argument("model", metavar="BUNDLE|MODEL", type=click.Path(path_type=Path))
@click.option("--target", required=True, metavar="NAME|FILE.toml", help="A target, or a profile of your own.")
@click.option("--trust", is_flag=True, help="Let code inside a source model run (Lambda layers, --custom).")
@click.option("--custom", multiple=True, metavar="MODULE", help="Your module that defines classes of a source model.")
@click.option("--json", "as_json", is_flag=True, help="Print the result for machines.")
@click.pass_context
def check(ctx: click.Context, model: Path, target: str, trust: bool, custom: tuple[str, ...], as_json: bool) -> None:
    """Hold a BUNDLE or a MODEL against a target.

    Tells every demand of the target that the model does not meet, the most costly first, with what
    it costs and what to do. Ends with status 1 if the model does not fit.

    A .tflite or .onnx file is read as it is, and not run. Any other MODEL that convert takes is
    exported as float32 first, by its framework.
    """
    from edgekit.checking import check as hold

    volume = ctx.obj
    with progress(volume.quiet, volume.verbose) as shown:
        log = _log if volume.verbose else None
        found = hold(model, target, trust=trust, custom=custom, progress=shown, on_log=log)
    if as_json:
        from edgekit_runtime.codec import dumps_document

        click.echo(dumps_document(found), nl=False)
    else:
        from rich.console import Console

        from edgekit.reports.render.check import print_check

        print_check(found, Console(highlight=False))
    if not found.fits:
        ctx.exit(BROKEN)


def _log(line: str) -> None:
    click.echo(line, nl=False, err=True)
