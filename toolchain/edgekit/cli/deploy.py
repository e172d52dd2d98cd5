"""`edgekit deploy`: bring a bundle to a device to stay, and manage what is there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from edgekit.cli.addresses import complete_address
from edgekit.cli.console import Volume, progress


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
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="Where --service listens.")
@click.option(
    "--keep", type=click.IntRange(min=1), default=3, show_default=True, help="Releases of a bundle that stay there."
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
    port: int,
    keep: int,
    as_json: bool,
) -> None:
    """Deploy a BUNDLE to a device, with the runtime and an interpreter.

    It is sent beside the old one, its golden outputs are computed on the device, and only then
    one step makes it current: whatever goes wrong before, the old one stays. For --rollback and
    --remove, BUNDLE is the name that --list shows.
    """
    from edgekit.reports.render.deployments import print_deployment, print_releases, print_warnings

    action = _action({"--list": listed, "--rollback": rollback, "--remove": remove})
    if action is None:
        from edgekit.deploying import deploy as bring

        if bundle is None:
            raise click.UsageError("Missing argument 'BUNDLE'.")
        with progress(volume.quiet, volume.verbose) as shown:
            done = bring(Path(bundle), device=device, keep=keep, service_port=port if service else None, progress=shown)
        if not _printed(done, as_json):
            print_deployment(done)
        print_warnings(done.warnings)
        return
    from edgekit import deploying

    if action == "--list":
        releases = deploying.deployed(device)
    elif action == "--rollback":
        back = deploying.rollback(device, bundle)
        print_warnings(back.warnings)
        releases = (back.release,)
    else:
        removed = deploying.remove(device, bundle)
        click.echo(f"{removed.name}: removed from {device}.", err=True)
        print_warnings(removed.warnings)
        releases = deploying.deployed(device)
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


def _printed(document: object, as_json: bool) -> bool:
    if as_json:
        from edgekit_runtime.codec import dumps_document

        click.echo(dumps_document(document), nl=False)
    return as_json
