"""`edgekit targets`: what is known of each target, and whether a profile of the user's own is sound."""

from __future__ import annotations

from pathlib import Path

import click

from edgekit.cli.console import Volume, progress

JSON = click.option("--json", "as_json", is_flag=True, help="Print the result for machines.")
FAULTY = 2


@click.group()
def targets() -> None:
    """Look up targets, and check profiles of your own.

    A target is a profile: what is known of a device, each figure with its source. Name one that
    comes with edgekit, or the path of your own .toml file, wherever a target is asked for.
    """


@targets.command("list")
@JSON
def list_targets(as_json: bool) -> None:
    """List the targets that come with edgekit."""
    from edgekit.reports.render.targets import print_targets, target_row
    from edgekit_targets.catalog import load_profiles

    rows = [target_row(loaded.profile) for loaded in load_profiles()]
    if as_json:
        from edgekit_runtime.codec import dumps

        click.echo(dumps({"targets": rows}, schema="edgekit/targets", version=1), nl=False)
        return
    from rich.console import Console

    print_targets(rows, Console(highlight=False))


@targets.command()
@click.argument("target", metavar="NAME|FILE.toml")
@JSON
def show(target: str, as_json: bool) -> None:
    """Show a target: every figure with its source and how far it can be trusted.

    The keys are those of the file, to be used in a profile of your own. As JSON it is the profile
    with all that it extends, null where nothing is known.
    """
    from edgekit_targets.catalog import load_profile

    profile = load_profile(target).profile
    if as_json:
        from edgekit_runtime.codec import dumps_document

        click.echo(dumps_document(profile), nl=False)
        return
    from rich.console import Console

    from edgekit.reports.render.targets import print_target

    print_target(profile, Console(highlight=False))


@targets.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@JSON
@click.pass_context
def validate(ctx: click.Context, files: tuple[str, ...], as_json: bool) -> None:
    """Check profiles, and tell every fault of each FILE.

    Ends with status 2 if one has faults.
    """
    faults = {file: _faults_of(file) for file in files}
    if as_json:
        from edgekit_runtime.codec import dumps

        tree = [{"file": file, "valid": not found, "faults": found} for file, found in faults.items()]
        click.echo(dumps({"files": tree}, schema="edgekit/validation", version=1), nl=False)
    else:
        for file, found in faults.items():
            click.echo("\n".join(found or [f"{file}: valid"]))
    if any(faults.values()):
        ctx.exit(FAULTY)


@targets.command()
@click.argument("target", metavar="NAME|FILE.toml")
def ops(target: str) -> None:
    """Print which operators a target's accelerator takes, and what it demands of each, as Markdown.

    It is made from the rules that `edgekit check` holds a model against; those of the Ethos-U come
    from Vela, Arm's compiler.
    """
    from edgekit_targets.catalog import load_profile
    from edgekit_targets.rules.listing import list_operators

    click.echo(list_operators(load_profile(target).profile), nl=False)


@targets.command()
@click.argument("name", metavar="NAME")
@click.option("--device", required=True, metavar="ADDRESS", help="Which device to measure.")
@click.option("--extends", metavar="NAME|FILE.toml", help="The profile to build on; by default that of its board.")
@click.option("--clock-mhz", type=click.FloatRange(min=0, min_open=True), help="Its clock, where it does not tell it.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="The file.  [default: NAME.toml]")
@click.pass_obj
def calibrate(
    volume: Volume, name: str, device: str, extends: str | None, clock_mhz: float | None, output: Path | None
) -> None:
    """Measure a device, and write a profile of that NAME with verified figures.

    Micro-benchmarks run there: convolutions and depthwise convolutions in float32 and int8, many
    small operators, and copies of memory. It takes a few minutes. What the figures contradict, such
    as each other or the board's profile, is told on stderr.
    """
    from edgekit.calibrating import calibrate as fit

    with progress(volume.quiet, volume.verbose) as shown:
        found = fit(name, device=device, output=output, extends=extends, clock_mhz=clock_mhz, progress=shown)
    click.echo(f"{found.path}: extends {found.extends}; use it as --target {found.path}")
    for doubt in found.doubts:
        click.echo(f"doubt: {doubt}", err=True)


def _faults_of(file: str) -> list[str]:
    from edgekit_runtime.errors import ProfileError
    from edgekit_targets.catalog import load_profile

    try:
        load_profile(file)
    except ProfileError as error:
        return str(error).split("\n")
    return []
