"""`edgekit deploy`: bring a bundle to a device to stay, and manage what is there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgekit.cli.addresses import complete_address
from edgekit.cli.console import Volume, progress

if TYPE_CHECKING:
    from edgekit_devices.deployment import Release

PORT, KEEP = 8080, 3


@click.command()
@click.argument("bundle", metavar="[BUNDLE]", required=False)
@click.option(
    "--device",
    required=True,
    metavar="ADDRESS",
    shell_complete=complete_address,
    help="Where to, such as ssh://pi@raspberrypi.local.",
)
@click.option("--list", "listed", is_flag=True, help="List what is deployed there instead.")
@click.option("--rollback", is_flag=True, help="Go back to the release before the current one.")
@click.option("--remove", is_flag=True, help="Remove every release of the bundle.")
@click.option("--service", is_flag=True, help="Have systemd on the device serve it, now and after each start.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    metavar="N",
    help=f"Where --service listens.  [default: {PORT}]",
)
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"Releases of a bundle that stay there.  [default: {KEEP}]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result for machines.")
@click.pass_obj
def deploy(  # noqa: PLR0913, PLR0917  # one parameter for each option is click's way
    volume: Volume,
    bundle: str | None,
    device: str,
    listed: bool,
    rollback: bool,
    remove: bool,
    service: bool,
    port: int | None,
    keep: int | None,
    as_json: bool,
) -> None:
    """Deploy a BUNDLE to a device, with the runtime and an interpreter.

    It is sent beside the old one, its golden outputs are computed on the device, and only then
    one step makes it current: whatever goes wrong before, the old one stays. For --rollback and
    --remove, BUNDLE is the name that --list shows.
    """
    action = _action({"--list": listed, "--rollback": rollback, "--remove": remove})
    _refuse_idle(action, {"--service": service, "--keep": keep is not None, "--port": port is not None})
    if action is None:
        if bundle is None:
            raise click.UsageError("Missing argument 'BUNDLE'.")
        _deploy(Path(bundle), device, keep or KEEP, (port or PORT) if service else None, volume, as_json)
    elif action == "--list":
        _list(device, as_json)
    elif action == "--rollback":
        _roll_back(device, bundle, as_json)
    else:
        _remove(device, bundle, volume, as_json)


def _refuse_idle(action: str | None, given: Mapping[str, bool]) -> None:
    """An option that would say nothing is a misunderstanding."""
    idle = [name for name, on in given.items() if on]
    if action is not None and idle:
        raise click.UsageError(f"{idle[0]} goes with deploying a BUNDLE, not with {action}.")
    if idle == ["--port"]:
        raise click.UsageError("--port says nothing without --service; give both, or neither.")


def _deploy(bundle: Path, device: str, keep: int, service_port: int | None, volume: Volume, as_json: bool) -> None:
    from edgekit.deploying import deploy as bring
    from edgekit.reports.render.deployments import print_deployment, print_warnings

    with progress(volume.quiet, volume.verbose) as shown:
        done = bring(bundle, device=device, keep=keep, service_port=service_port, progress=shown)
    if as_json:
        from edgekit_runtime.codec import dumps_document

        click.echo(dumps_document(done), nl=False)
    else:
        print_deployment(done)
    print_warnings(done.warnings)


def _list(device: str, as_json: bool) -> None:
    from edgekit.deploying import deployed

    _print_releases(deployed(device), device, as_json)


def _roll_back(device: str, name: str | None, as_json: bool) -> None:
    from edgekit.deploying import rollback as go_back
    from edgekit.reports.render.deployments import print_warnings

    back = go_back(device, name)
    print_warnings(back.warnings)
    _print_releases((back.release,), device, as_json)


def _remove(device: str, name: str | None, volume: Volume, as_json: bool) -> None:
    from edgekit.deploying import deployed
    from edgekit.deploying import remove as take_away
    from edgekit.reports.render.deployments import print_warnings

    removed = take_away(device, name)
    if not volume.quiet:
        click.echo(f"{removed.name}: removed from {device}.", err=True)
    print_warnings(removed.warnings)
    _print_releases(deployed(device), device, as_json)


def _print_releases(releases: tuple[Release, ...], device: str, as_json: bool) -> None:
    from edgekit.reports.render.deployments import print_releases

    if as_json:
        from edgekit_runtime.codec import dumps

        click.echo(dumps({"device": device, "releases": releases}, schema="edgekit/releases", version=1), nl=False)
    else:
        print_releases(releases, device)


def _action(asked: Mapping[str, bool]) -> str | None:
    """The one option that is asked for in place of deploying; two of them cannot be meant."""
    given = [name for name, on in asked.items() if on]
    if len(given) > 1:
        raise click.UsageError(f"{' and '.join(given)} do not go together; allowed: one of {', '.join(asked)}.")
    return given[0] if given else None
