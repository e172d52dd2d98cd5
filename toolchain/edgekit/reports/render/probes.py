"""What a device is, in a terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator

import click

from edgekit.fleet import Probe
from edgekit_devices.interpreters import machine_of

CLOCK_TOLERANCE_S = 600.0
UNKNOWN = "the system does not tell"


def print_probe(probe: Probe) -> None:
    """Print a device, one line for each thing that it told."""
    for key, text in _rows(probe):
        click.echo(f"{key:<12}{text}")


def _rows(probe: Probe) -> Iterator[tuple[str, str]]:
    info = probe.info
    missing = info.reason or UNKNOWN
    yield "board", info.board or UNKNOWN
    yield "processor", f"{machine_of(info)}, {info.cores} cores"
    yield "system", info.system + (f", glibc {info.glibc}" if info.glibc else "")
    yield "Python", f"{info.python}, {info.executable}"
    yield "memory", missing if info.memory_bytes is None else f"{info.memory_bytes / 1e6:.0f} MB"
    yield "disk", missing if info.disk_free_bytes is None else f"{info.disk_free_bytes / 1e6:.0f} MB free"
    off_s = 0.0 if info.clock_s is None else info.clock_s - time.time()
    if abs(off_s) > CLOCK_TOLERANCE_S:
        yield "clock", f"wrong by {abs(off_s) / 86400:.1f} days; nothing here depends on it"
    for model_format, interpreter in probe.interpreters.items():
        yield f".{model_format}", interpreter or "no interpreter exists for it"
