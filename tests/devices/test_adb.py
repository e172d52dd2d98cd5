"""Devices over ADB, by a program of that name that does what the client does."""

from __future__ import annotations

import shlex
import sys

import pytest

from edgekit_devices.adb import AdbTransport
from edgekit_devices.address import parse_address
from edgekit_devices.catalog import open_device
from edgekit_runtime.errors import DeviceError

ADB = """#!/bin/sh
test "$1 $3 $4" = "-s shell -T" || { echo "adb: usage" >&2; exit 1; }
case "$2" in
    board) exec /bin/sh -c "$5" ;;
    locked) echo "error: device unauthorized." >&2; exit 1 ;;
    asked) echo "error: device still authorizing" >&2; exit 1 ;;
    new) echo "error: device still connecting" >&2; exit 1 ;;
    usb) echo "error: insufficient permissions for device: are your udev rules wrong?" >&2; exit 1 ;;
    *) echo "error: device '$2' not found" >&2; exit 1 ;;
esac
"""


@pytest.fixture
def adb(tmp_path, home, monkeypatch):
    program = tmp_path / "programs/adb"
    program.parent.mkdir()
    program.write_text(ADB)
    program.chmod(0o755)
    (program.parent / "python3").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


def test_the_command_is_one_argument_without_a_terminal():
    argv = AdbTransport(parse_address("adb://0123456789AB")).argv(("python3", "-c", "a b", "'"))
    assert argv[:-1] == ("adb", "-s", "0123456789AB", "shell", "-T")
    assert shlex.split(argv[-1]) == ["exec", "python3", "-c", "a b", "'"]


def test_a_device_is_reached_as_any_other(adb, tmp_path):
    (tmp_path / "file").write_bytes(bytes(range(256)))
    with open_device("adb://board") as device:
        assert device.probe().bits == 64
        device.pull(device.push(tmp_path / "file", "file"), tmp_path / "back")
        assert device.run(("echo", "$HOME"), timeout_s=60).stdout == "$HOME\n"
    assert (tmp_path / "back").read_bytes() == bytes(range(256))


@pytest.mark.parametrize(
    ("serial", "told"),
    [
        ("locked", "does not trust this machine"),
        ("asked", "does not trust this machine"),
        ("new", "is not connected yet"),
        ("usb", "may not open its USB port"),
        ("none", "no such device"),
    ],
)
def test_what_adb_says_becomes_one_line_with_what_to_do(adb, serial, told):
    with pytest.raises(DeviceError, match=f"adb://{serial}: .*{told}") as caught:
        open_device(f"adb://{serial}")
    assert caught.value.hint


def test_without_the_client_it_says_so(home, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeviceError, match="adb://board: adb cannot be started") as caught:
        open_device("adb://board")
    assert "Install adb" in caught.value.hint
