"""Devices for tests: this machine under a home of its own, and a Raspberry Pi stand-in over true SSH."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgekit_devices.local_transport import LocalTransport
from edgekit_devices.remote import RemoteDevice
from tests.devices.standin.guest import Guest
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


@contextlib.contextmanager
def standin_or_skip(board: str) -> Iterator[Standin]:
    """A running stand-in; skipped, with the reason, where there can be none."""
    with contextlib.ExitStack() as running:
        try:
            standin = running.enter_context(run_standin(board))
        except UnavailableError as error:
            pytest.skip(str(error))
        yield standin


@pytest.fixture(scope="session")
def standin() -> Iterator[Standin]:
    """A stand-in of a Raspberry Pi 4."""
    with standin_or_skip("pi4") as running:
        yield running


@pytest.fixture
def use_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Makes an `ssh` with a stand-in's configuration the one on the PATH, as the user's own would be.

    It takes the stand-in, further options, and whether its key is left out; it returns the file in which each
    connection is written down.
    """

    def use(standin: Standin | Guest, *options: str, without_key: bool = False) -> Path:
        config, log, program = tmp_path / "ssh_config", tmp_path / "connections", tmp_path / "bin/ssh"
        lines = [
            line for line in standin.config.read_text().splitlines() if not without_key or "IdentityFile" not in line
        ]
        config.write_text("\n".join([*(option.replace("=", " ", 1) for option in options), *lines]) + "\n")
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\necho connection >> "{log}"\nexec /usr/bin/ssh -F "{config}" "$@"\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin:/usr/sbin:/sbin")
        return log

    return use
