"""The runtime as one file for a device, a `.pyz` or a wheel: the same sources give the same bytes."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import edgekit_runtime
from edgekit_devices.wheel import wheel_files, wheel_name
from edgekit_runtime.errors import OutputError

SHEBANG = b"#!/usr/bin/env python3\n"
ENTRY = "import sys\n\nfrom edgekit_runtime.__main__ import main\n\nsys.exit(main())\n"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold
UNIX = 3
PLAIN, PROGRAM = 0o644, 0o755
PARTS = ("*.py", "py.typed", "LICENSE", "NOTICE")

Form = Literal["pyz", "wheel"]


def build_runtime(target: Path, form: Form = "pyz") -> Path:
    """Write the runtime as a file that any Python from 3.9 on runs or installs.

    Args:
        target: Where to write it; an older file there is replaced. For a wheel a folder will do.
        form: `pyz`: a program that runs by itself; `wheel`: a package for pip.

    Returns:
        The file.

    Raises:
        OutputError: It cannot be written there, or is no name that pip takes for a wheel.
    """
    if form == "pyz":
        return _write(target, runtime_archive(), PROGRAM)
    return _write(_wheel_target(target), runtime_wheel(), PLAIN)


def runtime_archive() -> bytes:
    """The bytes of the `.pyz`: they depend on the runtime's files alone."""
    return _zip({"__main__.py": ENTRY.encode(), **_runtime_files()}, SHEBANG)


def runtime_wheel() -> bytes:
    """The bytes of the wheel: they depend on the runtime's files and edgekit's version alone."""
    return _zip(wheel_files(_runtime_files(), version("edgekit")), b"")


def _runtime_files() -> dict[str, bytes]:
    package = Path(edgekit_runtime.__file__).parent
    paths = [path for part in PARTS for path in package.rglob(part)]
    files = {f"{package.name}/{path.relative_to(package).as_posix()}": path.read_bytes() for path in paths}
    return dict(sorted(files.items()))


def _wheel_target(target: Path) -> Path:
    name = wheel_name(version("edgekit"))
    if target.is_dir():
        return target / name
    if target.name != name:
        raise OutputError(f"{target}: pip reads a wheel's name; allowed: a folder, or a file called {name}.")
    return target


def _write(target: Path, content: bytes, mode: int) -> Path:
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
            partial = Path(folder) / target.name
            partial.write_bytes(content)
            partial.chmod(mode)
            partial.replace(target)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise OutputError(f"{target}: cannot be written: {reason}.", hint="Choose another place.") from error
    return target


def _zip(files: Mapping[str, bytes], head: bytes) -> bytes:
    buffer = io.BytesIO(head)
    buffer.seek(len(head))
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = UNIX
            entry.external_attr = PLAIN << 16
            archive.writestr(entry, content)  # stored as it is: unpacking at each start would cost more than it saves
    return buffer.getvalue()
