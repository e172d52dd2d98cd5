"""The runtime as one file that any Python runs: a zip of its sources, the same bytes each time."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from pathlib import Path

import edgekit_runtime
from edgekit_runtime.errors import OutputError

SHEBANG = b"#!/usr/bin/env python3\n"
ENTRY = "import sys\n\nfrom edgekit_runtime.__main__ import main\n\nsys.exit(main())\n"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold
UNIX = 3


def build_runtime(target: Path) -> Path:
    """Write the runtime as a `.pyz`.

    Args:
        target: Where to write it; an older file there is replaced.

    Returns:
        The target.

    Raises:
        OutputError: It cannot be written there.
    """
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
            partial = Path(folder) / target.name
            partial.write_bytes(runtime_archive())
            partial.chmod(0o755)
            partial.replace(target)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise OutputError(f"{target}: cannot be written: {reason}.", hint="Choose another place.") from error
    return target


def runtime_archive() -> bytes:
    """The bytes of the `.pyz`: they depend on the runtime's sources alone."""
    package = Path(edgekit_runtime.__file__).parent
    sources = {f"{package.name}/{path.relative_to(package).as_posix()}": path for path in package.rglob("*.py")}
    buffer = io.BytesIO(SHEBANG)
    buffer.seek(len(SHEBANG))
    with zipfile.ZipFile(buffer, "w") as archive:
        _add(archive, "__main__.py", ENTRY.encode())
        for name in sorted(sources):
            _add(archive, name, sources[name].read_bytes())
    return buffer.getvalue()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.create_system = UNIX
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)  # stored as it is: unpacking at each start would cost more than it saves
