"""An archive that Linux unpacks into its first file system; see the kernel's `initramfs buffer format`."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

MAGIC = b"070701"
TRAILER = "TRAILER!!!"


class NewcWriter:
    """Writes entries to a stream; the archive is whole when it is closed.

    Args:
        stream: Where to write.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def add(self, name: str, mode: int, data: bytes = b"", status: os.stat_result | None = None) -> None:
        """Write one entry.

        Args:
            name: Its path, relative to the root.
            mode: Its type and permissions.
            data: A file's content, or where a link leads.
            status: Whence its owner and its time, which Python holds compiled files against; root and none by default.
        """
        path = os.fsencode(name) + b"\0"
        owner = (status.st_uid, status.st_gid) if status else (0, 0)
        fields = (0, mode, *owner, 1, int(status.st_mtime) if status else 0, len(data), 0, 0, 0, 0, len(path), 0)
        head = MAGIC + b"".join(b"%08X" % field for field in fields) + path
        self._stream.write(head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4))

    def add_tree(self, root: Path, left_out: Callable[[str], bool]) -> None:
        """Write all below a folder, each folder before what is in it.

        Args:
            root: What becomes the archive's root.
            left_out: Whether to leave a path out, relative to the root; of a folder, with all that is below.
        """
        folders = [root]
        while folders:
            for path in sorted(folders.pop().iterdir()):
                name, status = str(path.relative_to(root)), path.lstat()
                if left_out(name):
                    continue
                if stat.S_ISDIR(status.st_mode):
                    folders.append(path)
                self.add(name, status.st_mode, _content(path, status.st_mode), status)

    def close(self) -> None:
        """Write the end of the archive."""
        self.add(TRAILER, 0)


def _content(path: Path, mode: int) -> bytes:
    if stat.S_ISLNK(mode):
        return os.fsencode(os.readlink(path))
    return path.read_bytes() if stat.S_ISREG(mode) else b""
