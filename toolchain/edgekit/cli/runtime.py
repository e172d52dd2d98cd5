"""`edgekit runtime`: what runs on the device, as one file."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--pyz", type=click.Path(dir_okay=False, path_type=Path), help="Write a Python zip there.")
@click.option("--wheel", type=click.Path(path_type=Path), metavar="OUT.whl|FOLDER", help="Write a wheel there.")
@click.option("--json", "as_json", is_flag=True, help="Print the result for machines.")
def runtime(pyz: Path | None, wheel: Path | None, as_json: bool) -> None:
    """Pack the runtime into one file for a device.

    The device needs Python 3.9 or newer, numpy and an interpreter such as ai-edge-litert. A Python
    zip runs by itself: python3 edgekit-runtime.pyz bench BUNDLE. A wheel is installed by pip and
    runs as python3 -m edgekit_runtime bench BUNDLE.
    """
    from edgekit_devices.package import build_runtime

    if pyz is not None and wheel is None:
        path = build_runtime(pyz)
    elif wheel is not None and pyz is None:
        path = build_runtime(wheel, "wheel")
    else:
        raise click.UsageError("Give one of --pyz and --wheel.")
    if as_json:
        import json

        click.echo(json.dumps({"path": str(path), "size_bytes": path.stat().st_size}))
    else:
        click.echo(f"{path} ({path.stat().st_size / 1024:.0f} KiB)")
