"""`edgekit runtime`: what runs on the device, as one file."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--pyz", "out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="Write a Python zip there."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result for machines.")
def runtime(out: Path, as_json: bool) -> None:
    """Pack the runtime into one file for a device.

    The device runs it with its own Python 3.9 or newer, numpy and an interpreter such as
    ai-edge-litert: python3 edgekit-runtime.pyz bench BUNDLE
    """
    from edgekit_devices.package import build_runtime

    path = build_runtime(out)
    if as_json:
        import json

        click.echo(json.dumps({"path": str(path), "size_bytes": path.stat().st_size}))
    else:
        click.echo(f"{path} ({path.stat().st_size / 1024:.0f} KiB)")
