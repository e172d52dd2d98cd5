"""What is built once for all emulated boards: kept in the user's cache, whole or not at all."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edgekit_runtime.errors import OutputError

FREE_SPACE = "Free some space, or name another folder with EDGEKIT_CACHE_DIR."


def store_folder() -> Path:
    """The folder of emulated boards in the user's cache."""
    named, base = os.environ.get("EDGEKIT_CACHE_DIR"), os.environ.get("XDG_CACHE_HOME")
    return (Path(named) if named else Path(base or Path.home() / ".cache") / "edgekit").absolute() / "emulated"


def build_once(target: Path, build: Callable[[Path], None]) -> Path:
    """Have a folder built, unless it is there.

    What was cut off is taken up again: the builder finds what it left behind. A second process waits for the first.

    Args:
        target: The folder.
        build: Fills the folder that it is given, beside the target, and may find it half filled.

    Returns:
        The folder.

    Raises:
        OutputError: It cannot be written.
    """
    if target.exists():
        return target
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with locked(target):
            if not target.exists():
                partial = target.with_name(f"{target.name}.partial")
                partial.mkdir(exist_ok=True)
                build(partial)
                partial.rename(target)
    return target


def remove(target: Path) -> bool:
    """Remove a folder, and what a build that was cut off left of it; tells whether there was anything.

    Raises:
        OutputError: It cannot be removed.
    """
    partial = target.with_name(f"{target.name}.partial")
    found = [folder for folder in (target, partial) if folder.exists()]
    if found:
        with writing(target), locked(target):
            for folder in found:
                shutil.rmtree(folder)
    return bool(found)


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Let one process at a time through; the system lets go of it where a process dies."""
    with open(target.with_name(f".{target.name}.lock"), "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Tell the user of what the system refuses to write."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"{error.filename or target}: cannot be written: {reason}.", hint=FREE_SPACE) from error
