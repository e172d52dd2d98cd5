"""Interpreters for models: wheels unpacked into folders of their own, each with a `python` that finds them."""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Optional

from edgekit_devices.onboard.frames import Payload, RefusedError
from edgekit_devices.onboard.store import Store, plain_path, refused

KEPT = 2  # environments that no release needs, the last used ones
LAUNCHER = '#!/bin/sh\n{path}exec {python} "$@"\n'
LIBRARIES = ("purelib", "platlib")


def find_environment(store: Store, name: str) -> Payload:
    """The path of an environment's `python`; null where it is not here."""
    python = store.root / "environments" / name / "python"
    if not python.exists():
        return {"python": None}
    os.utime(python.parent)
    return {"python": str(python)}


def install_environment(store: Store, name: str, wheels: Sequence[str]) -> Payload:
    """Unpack wheels that are held.

    Args:
        store: Where they are, and where the environment goes.
        name: Name of the environment.
        wheels: Their checksums.

    Raises:
        RefusedError: There is no room, or a wheel is damaged or points outside its folder.
    """
    folder = store.session / "environment"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        (folder / "site").mkdir(parents=True)
        for sha256 in wheels:
            _unpack(store.held(sha256), folder / "site")
        final = store.root / "environments" / name
        write_launcher(folder / "python", final / "site")
        final.parent.mkdir(exist_ok=True)
        os.sync()
        if not final.exists():
            folder.rename(final)
    except OSError as error:
        raise refused(error) from error
    for sha256 in wheels:  # unpacked, they are not needed again
        (store.root / "files" / sha256).unlink()
        store.held(sha256).unlink()
    return find_environment(store, name)


def write_launcher(path: Path, site: Optional[Path] = None) -> None:
    """Write a program that is this Python, with the libraries of a folder."""
    search = "" if site is None else f"PYTHONPATH={shlex.quote(str(site))} "
    path.write_text(LAUNCHER.format(path=search, python=shlex.quote(sys.executable)))
    path.chmod(0o755)


def forget_environments(store: Store, needed: set[str]) -> None:
    """Remove environments that no release needs, but for the last used ones."""
    folder = store.root / "environments"
    if not folder.exists():
        return
    others = [path for path in folder.iterdir() if path.name not in needed]
    for path in sorted(others, key=lambda path: path.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(path, ignore_errors=True)


def _unpack(wheel: Path, site: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.infolist():
                target = _place(member)
                if target is not None and not member.is_dir():
                    path = site / target
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with archive.open(member) as source, open(path, "wb") as file:
                        shutil.copyfileobj(source, file)
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise RefusedError(f"a wheel cannot be unpacked: {error}") from error


def _place(member: zipfile.ZipInfo) -> Optional[PurePosixPath]:
    """Where a wheel's file goes; `None` for scripts and data that no import needs."""
    path = plain_path(member.filename)
    if stat.S_ISLNK(member.external_attr >> 16):
        raise RefusedError(f"refused: {member.filename!r} is a link")
    if not path.parts[0].endswith(".data"):
        return path
    return PurePosixPath(*path.parts[2:]) if path.parts[1] in LIBRARIES else None
