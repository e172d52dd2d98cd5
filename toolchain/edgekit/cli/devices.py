"""`edgekit devices`: what there is to measure on."""

from __future__ import annotations

import click

from edgekit.cli.addresses import complete_address
from edgekit.cli.console import Volume, progress

JSON = click.option("--json", "as_json", is_flag=True, help="Print the result for machines.")


@click.group()
def devices() -> None:
    """Look up devices, ask one what it is, and make emulated boards.

    A device is named by its address (local, ssh://user@host[:port], adb://SERIAL,
    emulated://NAME), or by its name in fleet.toml.
    """


@devices.command("list")
@JSON
def list_devices(as_json: bool) -> None:
    """List the devices of the fleet file."""
    from edgekit.fleet import devices as fleet

    entries = fleet()
    if as_json:
        from edgekit_runtime.codec import dumps

        click.echo(dumps({"devices": dict(entries)}, schema="edgekit/devices", version=1), nl=False)
        return
    if not entries:
        click.echo("There is no fleet.toml, here or in ~/.config/edgekit.")
    for name, entry in entries.items():
        click.echo(f"{name}: {entry.address}" + (f", target {entry.target}" if entry.target else ""))


@devices.command()
@click.argument("device", metavar="ADDRESS", shell_complete=complete_address)
@JSON
def probe(device: str, as_json: bool) -> None:
    """Ask a device what it is.

    It tells which interpreters for models it has, or would be brought, too.
    """
    from edgekit.fleet import probe as ask

    found = ask(device)
    if as_json:
        from edgekit_runtime.codec import dumps

        click.echo(dumps(found, schema="edgekit/probe", version=1), nl=False)
        return
    from edgekit.reports.render.probes import print_probe

    print_probe(found)


@devices.command()
@click.argument("device", metavar="emulated://NAME", shell_complete=complete_address)
@click.pass_obj
def create(volume: Volume, device: str) -> None:
    """Build an emulated board.

    Measuring on it does that, too, where it is missing.
    """
    from edgekit_devices.emulated.create import create_board

    with progress(volume.quiet, volume.verbose) as shown:
        create_board(_board(device), shown)
    click.echo(f"{device} is ready.")


@devices.command()
@click.argument("device", metavar="emulated://NAME", shell_complete=complete_address)
def remove(device: str) -> None:
    """Remove an emulated board's files."""
    from edgekit_devices.emulated.create import remove_board

    click.echo(f"{device}: removed." if remove_board(_board(device)) else f"{device}: there was nothing to remove.")


def _board(device: str) -> str:
    from edgekit_devices.address import EmulatedAddress, parse_address

    address = parse_address(device)
    if not isinstance(address, EmulatedAddress):
        raise click.UsageError(f"{device} is not emulated; allowed: emulated://NAME.")
    return address.name
