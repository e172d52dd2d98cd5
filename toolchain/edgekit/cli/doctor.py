"""`edgekit doctor`: what works on this machine, and which licences come onto a device."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("bundles", nargs=-1, metavar="[BUNDLE]...", type=click.Path(path_type=Path))
@click.option("--licenses", "of_licenses", is_flag=True, help="List the licences of all that comes onto a device.")
@click.option("--json", "as_json", is_flag=True, help="Print the result for machines.")
def doctor(bundles: tuple[Path, ...], of_licenses: bool, as_json: bool) -> None:
    """Tell what works on this machine, and the command that makes the rest work.

    With --licenses it lists instead what comes onto a device with edgekit's runtime: the libraries
    that it needs there, and the models of the BUNDLEs.
    """
    if bundles and not of_licenses:
        raise click.UsageError("A BUNDLE goes with --licenses.")
    from rich.console import Console

    console = Console(highlight=False)
    if of_licenses:
        from edgekit.licenses import licenses
        from edgekit.reports.render.diagnosis import print_licenses

        listed = licenses(bundles)
        _print_json(listed) if as_json else print_licenses(listed, console)
        return
    from edgekit.diagnosis import doctor as diagnose
    from edgekit.reports.render.diagnosis import print_diagnosis

    diagnosis = diagnose()
    _print_json(diagnosis) if as_json else print_diagnosis(diagnosis, console)


def _print_json(document: object) -> None:
    from edgekit_runtime.codec import dumps_document

    click.echo(dumps_document(document), nl=False)
