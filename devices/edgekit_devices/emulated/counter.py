"""The plugin of qemu that counts: compiled where it is first needed."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path

from edgekit_devices.emulated.store import build_once
from edgekit_devices.emulated.tools import find_tool, run_tool

SOURCE, LIBRARY = "counter.c", "counter.so"
OPTIONS = ("-O2", "-shared", "-fPIC", "-Wall", "-Werror")


def counter(store: Path, interface: int) -> Path:
    """The compiled plugin.

    Args:
        store: The folder of emulated boards.
        interface: Version of the interface that qemu has for plugins.

    Raises:
        DeviceError: gcc is missing, or fails.
        OutputError: The folder cannot be written.
    """
    source = files("edgekit_devices.emulated").joinpath(SOURCE).read_text(encoding="utf-8")
    key = hashlib.sha256((source + repr((OPTIONS, interface))).encode()).hexdigest()[:12]

    def build(folder: Path) -> None:
        (folder / SOURCE).write_text(source, encoding="utf-8")
        run_tool(compile_argv(folder / SOURCE, folder / LIBRARY, interface), "compiling the counter for qemu")

    return build_once(store / f"counter-{key}", build) / LIBRARY


def compile_argv(source: Path, library: Path, interface: int) -> tuple[str, ...]:
    """The command that compiles the plugin."""
    return (find_tool("gcc"), *OPTIONS, f"-DAPI={interface}", "-o", str(library), str(source))
