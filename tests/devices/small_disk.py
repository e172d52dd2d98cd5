"""A file system in memory whose room a test chooses: what does not fit is refused by the kernel itself."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.devices.standin.userland import UnavailableError

PLENTY_BYTES, PLENTY_NAMES = 64 << 20, 4096


@dataclass(frozen=True)
class SmallDisk:
    """A mounted file system.

    Attributes:
        folder: Where it is mounted.
    """

    folder: Path

    def used_bytes(self) -> int:
        """How much of it is taken."""
        told = os.statvfs(self.folder)
        return (told.f_blocks - told.f_bfree) * told.f_frsize

    def used_names(self) -> int:
        """How many files, folders and links it has."""
        told = os.statvfs(self.folder)
        return told.f_files - told.f_ffree

    def leave(self, *, room_bytes: int = PLENTY_BYTES, names: int = PLENTY_NAMES) -> None:
        """Let so much more go on it, from now on; whole pages of memory count."""
        page = os.sysconf("SC_PAGE_SIZE")
        size = max(page, self.used_bytes() + room_bytes // page * page)  # a size of 0 would be no limit
        _mount(self.folder, "remount", size, self.used_names() + names)


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """Mount one on a folder, with plenty of room; it is gone after the block.

    Raises:
        UnavailableError: Nothing can be mounted here.
    """
    if os.geteuid() != 0:
        raise UnavailableError("a small disk needs root, for a mount")
    _mount(folder, "nosuid", PLENTY_BYTES, PLENTY_NAMES)
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True, capture_output=True)


def _mount(folder: Path, option: str, size_bytes: int, names: int) -> None:
    options = f"{option},mode=0755,size={size_bytes},nr_inodes={names}"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "edgekit-small-disk", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise UnavailableError(f"a small disk cannot be mounted: {done.stderr.strip()}")
