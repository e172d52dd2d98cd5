"""Devices for tests: this machine under a home of its own, and a Raspberry Pi stand-in over true SSH."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgekit_devices.local_transport import LocalTransport
from edgekit_devices.remote import RemoteDevice
from tests.devices.standin.server import Standin, run_standin
from tests.devices.standin.userland import UnavailableError

STORE = ".local/share/edgekit"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder, for this process and all that it starts."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture
def device(home: Path) -> Iterator[RemoteDevice]:
    """This machine by a session, under a home of its own."""
    with RemoteDevice(LocalTransport(), sys.executable) as opened:
        yield opened


def standin_or_skip(board: str) -> Iterator[Standin]:
    """A running stand-in; skipped, with the reason, where there can be none."""
    try:
        running = run_standin(board)
        standin = running.__enter__()
    except UnavailableError as error:
        pytest.skip(str(error))
    try:
        yield standin
    finally:
        running.__exit__(None, None, None)


@pytest.fixture(scope="session")
def standin() -> Iterator[Standin]:
    """A stand-in of a Raspberry Pi 4."""
    yield from standin_or_skip("pi4")


@pytest.fixture
def use_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes `ssh` of a stand-in's configuration the one on the PATH, as the user's own would be."""

    def use(standin: Standin) -> None:
        program = tmp_path / "bin/ssh"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F "{standin.config}" "$@"\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin:/usr/sbin:/sbin")

    return use
