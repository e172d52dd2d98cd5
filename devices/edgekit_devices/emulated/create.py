"""Making an emulated board, once: userland, counter, the board's own files, and the proof that it counts rightly."""

from __future__ import annotations

import hashlib
from pathlib import Path

from edgekit_devices.emulated.boards import Board, find_board, system_files
from edgekit_devices.emulated.counter import counter
from edgekit_devices.emulated.known import check_known
from edgekit_devices.emulated.machine import Machine
from edgekit_devices.emulated.store import build_once, remove, store_folder
from edgekit_devices.emulated.tools import Qemu, find_qemu
from edgekit_devices.emulated.userland import SITE, userland
from edgekit_runtime.progress import Progress, silent

SHARED = ("usr", "etc", "bin", "sbin", "lib", SITE)  # of the userland, by links


def create_board(name: str, progress: Progress = silent, store: Path | None = None) -> Machine:
    """An emulated board, built where it is missing: the first build downloads about 80 MB.

    Args:
        name: The board's name, such as `raspberry-pi-5`.
        progress: Told of the steps.
        store: Where it is kept; by default in the user's cache.

    Raises:
        UserError: There is no such board.
        DeviceError: A program is missing or fails, the network is not there, or the board counts wrongly.
        OutputError: The folder cannot be written.
    """
    board, store = find_board(name), store or store_folder()
    qemu = find_qemu()
    plugin = counter(store, qemu.interface)
    shared = userland(store, progress) / "root"

    def build(folder: Path) -> None:
        root = _write_root(board, shared, folder / "root")
        progress(f"check the emulated {board.name}", 0, 1)
        check_known(Machine(board, qemu, root, plugin))
        progress(f"check the emulated {board.name}", 1, 1)

    folder = build_once(_folder(store, board, qemu, plugin, shared), build)
    return Machine(board, qemu, folder / "root", plugin)


def remove_board(name: str, store: Path | None = None) -> bool:
    """Remove an emulated board's files, and with the last board all that the boards shared.

    Args:
        name: The board's name.
        store: Where it is kept; by default in the user's cache.

    Returns:
        Whether there was anything to remove.

    Raises:
        UserError: There is no such board.
        OutputError: They cannot be removed.
    """
    board, store = find_board(name), store or store_folder()
    boards = store / "boards"
    mine = {path.name.removesuffix(".partial") for path in boards.glob(f"{board.name}-{'?' * 12}*")}
    removed = [remove(boards / each) for each in sorted(mine)]
    if boards.exists() and not any(path.is_dir() for path in boards.iterdir()):
        shared = {path.name.removesuffix(".partial") for path in store.glob("*-????????????*") if path.is_dir()}
        removed += [remove(store / each) for each in sorted(shared)]
    return any(removed)


def _folder(store: Path, board: Board, qemu: Qemu, plugin: Path, shared: Path) -> Path:
    """The board's folder, another one for whatever could make it count otherwise."""
    content = repr((board, qemu.path, qemu.version, str(plugin), str(shared)))
    return store / "boards" / f"{board.name}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def _write_root(board: Board, shared: Path, root: Path) -> Path:
    for name, text in system_files(board).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
    for name in SHARED:
        link = root / name
        link.unlink(missing_ok=True)
        link.symlink_to(shared / name)
    return root
