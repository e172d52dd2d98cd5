"""Addresses of devices, completed in the shell."""

from __future__ import annotations

import click

FORMS = ("local", "ssh://", "adb://")


def complete_address(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The addresses that begin so: of the fleet file, of emulated boards, and the beginnings of others."""
    from edgekit_devices.emulated.boards import BOARDS
    from edgekit_devices.fleet import load_fleet
    from edgekit_runtime.errors import EdgekitError

    try:
        names = [*load_fleet()]
    except EdgekitError:
        names = []  # a shell is no place for its faults; the command tells them
    if names and param.name == "device" and ctx.command.name == "bench":
        names.append("all")
    return [
        name for name in (*names, *(f"emulated://{board}" for board in BOARDS), *FORMS) if name.startswith(incomplete)
    ]
