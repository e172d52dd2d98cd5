"""Made trees of sysfs, and programs that answer as the firmware does."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

NOBODY = 65534


@pytest.fixture
def tree(tmp_path: Path) -> Callable[[Mapping[str, object]], Path]:
    """Writes files under a root and returns it; called again, it changes them."""

    def write(files: Mapping[str, object]) -> Path:
        for name, content in files.items():
            path = tmp_path / "root" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{content}\n")
        return tmp_path / "root"

    return write


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], str]:
    """Writes a `vcgencmd` that runs a line of shell, and returns the folder it lies in."""

    def write(script: str) -> str:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "vcgencmd").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "vcgencmd").chmod(0o755)
        return str(folder)

    return write


@pytest.fixture
def as_nobody() -> Iterator[Callable[[Path], None]]:
    """Takes a file from everyone but root, and root's rights from this process until the test ends."""
    user = os.geteuid()

    def drop(path: Path) -> None:
        path.chmod(0)
        if user == 0:
            os.seteuid(NOBODY)

    yield drop
    os.seteuid(user)
