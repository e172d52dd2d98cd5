"""`edgekit demo`: the whole line on a small model, in about a minute."""

from __future__ import annotations

from pathlib import Path

import click

from edgekit.cli.console import Volume, progress


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("edgekit-demo"),
    show_default=True,
    help="Folder for the model, the bundles and the reports.",
)
@click.option("--force", is_flag=True, help="Replace the folder if it is there.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison for machines.")
@click.pass_obj
def demo(volume: Volume, output: Path, force: bool, as_json: bool) -> None:
    """Try the whole line on a small model.

    Trains a small CNN on scikit-learn's digits, converts it as float32 and as int8 for a Raspberry
    Pi 4B, measures both on this machine, and compares them.
    """
    from edgekit.demonstration import demo as run_demo

    with progress(volume.quiet, volume.verbose) as shown:
        result = run_demo(output, force=force, progress=shown)
    if as_json:
        from edgekit.reports.render.json_text import comparison_json

        click.echo(comparison_json(result.comparison), nl=False)
        return
    from rich.console import Console

    from edgekit.reports.render.terminal import print_comparison

    print_comparison(result.comparison, Console(highlight=False))
    click.echo(f"Model, data, bundles and reports lie in {result.folder}/.", err=True)
