"""A board over ADB: Debian's adbd in the arm64 userland of the other stand-ins, asked by this machine's own adb."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.devices.standin.boards import BOARDS
from tests.devices.standin.server import end_group, start_board, write_board
from tests.devices.standin.userland import (
    ARM64,
    DEBIAN_13,
    build_userland,
    cache_folder,
    download,
    merge_usr,
    preparing,
    unpack,
)

DAEMON = Path(__file__).with_name("start_adbd.sh")
PROGRAMS = {"adb": "adb", "ip": "iproute2", "nsenter": "util-linux"}
PORT = 15555  # of a network of its own; adb looks for emulators at some lower ones
SERIAL = f"127.0.0.1:{PORT}"
CLIENT = '#!/bin/sh\nHOME="{folder}" exec nsenter --net=/proc/{pid}/ns/net /usr/bin/adb "$@"\n'


@dataclass(frozen=True)
class AdbBoard:
    """A running board.

    Attributes:
        client: An `adb` that reaches it, and nothing else.
        process: What all of it hangs on.
    """

    client: Path
    process: subprocess.Popen[bytes]

    def end(self) -> None:
        """Switch it off."""
        end_group(self.process)


@contextlib.contextmanager
def run_adb_board(board: str = "pi4") -> Iterator[AdbBoard]:
    """Start a board in factory state, connected to its adb; it ends with the block.

    Args:
        board: A name of `BOARDS`.

    Raises:
        UnavailableError: It cannot run on this machine.
    """
    userland, adbd = build_userland(ARM64), _build_adbd()
    with tempfile.TemporaryDirectory(prefix="edgekit-standin-") as name:
        folder = Path(name)
        write_board(folder, board)
        settings = {"ADBD": str(adbd), "PORT": str(PORT), "CPU": BOARDS[board].qemu_cpu}
        process = start_board(folder, userland, DAEMON, (folder / "up").exists, settings, ("--net",))
        client = folder / "client/adb"
        client.parent.mkdir()
        client.write_text(CLIENT.format(folder=folder, pid=process.pid))
        client.chmod(0o755)
        try:
            yield AdbBoard(client, process)
        finally:
            end_group(process)


def _build_adbd() -> Path:
    """A folder with Debian's adbd, which Debian 12 does not have, and its libraries."""
    folder = cache_folder() / "adbd"
    with preparing(PROGRAMS):
        if not folder.exists():
            partial = folder.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            merge_usr(partial)
            for package in download(ARM64.debian, ("adbd",), DEBIAN_13):
                unpack(package, partial)
            partial.rename(folder)
    return folder
