"""Bringing files to a device by their checksum: what is there is not sent, and a broken transfer goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgekit_devices.session import STALL_S, Session, pieces
from edgekit_runtime.bundle import sha256_of
from edgekit_runtime.errors import ModelError
from edgekit_runtime.progress import Progress, silent


@dataclass(frozen=True)
class Sendable:
    """A file that can be sent.

    Attributes:
        path: Where it is.
        sha256: Checksum of its content.
        size_bytes: Its length.
    """

    path: Path
    sha256: str
    size_bytes: int


def sendable(path: Path) -> Sendable:
    """A file with its checksum.

    Raises:
        ModelError: It cannot be read.
    """
    try:
        return Sendable(path, sha256_of(path), path.stat().st_size)
    except OSError as error:
        raise ModelError(f"{path}: it cannot be read: {error.strerror}.") from error


def list_tree(source: Path) -> dict[str, Sendable]:
    """The files of a folder by their path in it; a file alone by the empty path.

    Raises:
        ModelError: One cannot be read.
    """
    if not source.is_dir():
        return {"": sendable(source)}
    paths = sorted(path for path in source.rglob("*") if path.is_file())
    return {path.relative_to(source).as_posix(): sendable(path) for path in paths}


def checksums(files: Mapping[str, Sendable]) -> dict[str, str]:
    """From path to checksum, as the device takes them."""
    return {name: file.sha256 for name, file in files.items()}


def send_files(session: Session, files: Mapping[str, Sendable], stage: str, progress: Progress = silent) -> int:
    """Bring files there, so that the session holds all of them.

    Args:
        session: The device.
        files: By any name.
        stage: What it is, for the user.
        progress: Told of bytes.

    Returns:
        How many bytes were sent.

    Raises:
        DeviceError: There is no room, or the connection breaks.
    """
    known = {file.sha256: file for file in files.values()}
    sizes = {sha256: file.size_bytes for sha256, file in known.items()}
    missing: dict[str, int] = session.call("missing", {"sizes": sizes}, timeout_s=STALL_S)["missing"]
    total = sum(sizes[sha256] - offset for sha256, offset in missing.items())
    if not missing:
        return 0
    sent = 0

    def tell(count: int) -> None:
        nonlocal sent
        sent += count
        progress(stage, sent, total)

    told = [{"sha256": sha256, "size": sizes[sha256], "offset": offset} for sha256, offset in missing.items()]
    data = pieces([(known[sha256].path, offset) for sha256, offset in missing.items()], tell)
    session.call("put", {"files": told}, timeout_s=STALL_S, data=data)
    return total
