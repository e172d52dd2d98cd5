"""The whole way over true ADB: its own client, and Debian's adbd in an arm64 userland; see tests/devices/standin."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgekit.benching import bench
from edgekit.deploying import deploy, deployed, remove
from edgekit_devices.catalog import open_device, open_remote
from edgekit_runtime.errors import DeviceError
from edgekit_runtime.runs import BenchSettings
from tests.bundle_files import dense_bundle
from tests.devices.standin import adbd
from tests.devices.standin.adbd import AdbBoard, run_adb_board
from tests.devices.standin.boards import BOARDS
from tests.devices.standin.userland import UnavailableError

pytestmark = pytest.mark.device
PI = f"adb://{adbd.SERIAL}"
SHORT = BenchSettings(max_runs=5, warmup_s=0.0, sample_s=0.0, min_samples=2, energy_s=0.0)
FAKE = Path(adbd.__file__).with_name("fake_adbd.py")
START_S = 60.0


@contextlib.contextmanager
def adb_board() -> Iterator[AdbBoard]:
    """A running board; skipped, with the reason, where there can be none."""
    with contextlib.ExitStack() as running:
        try:
            board = running.enter_context(run_adb_board())
        except UnavailableError as error:
            pytest.skip(str(error))
        yield board


@pytest.fixture(scope="module")
def board() -> Iterator[AdbBoard]:
    with adb_board() as running:
        yield running


@pytest.fixture
def adb(board: AdbBoard, monkeypatch: pytest.MonkeyPatch) -> AdbBoard:
    """The board, whose client is the one on the PATH."""
    use(board, monkeypatch)
    return board


def use(board: AdbBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{board.client.parent}:{os.environ['PATH']}")


def test_words_and_bytes_pass_as_they_are(adb, tmp_path):
    words = ("a b", "'", '"', "$HOME", "*", "\\n", "", "ä;&|", "!!")
    (tmp_path / "file").write_bytes(bytes(range(256)) * 4000)
    with open_device(PI) as device:
        info = device.probe()
        assert (info.machine, info.board, info.python) == ("aarch64", BOARDS["pi4"].model, "3.11.2")
        completed = device.run(("python3", "-c", "import sys; print(ascii(sys.argv[1:]))", *words), timeout_s=60)
        assert completed.stdout == f"{list(words)!a}\n"
        failed = device.run(("sh", "-c", "echo out; echo err >&2; exit 3"), timeout_s=60)
        assert (failed.status, failed.stdout, failed.stderr) == (3, "out\n", "err\n")
        device.pull(device.push(tmp_path / "file", "file"), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == (tmp_path / "file").read_bytes()


def test_a_bundle_is_deployed_measured_and_removed(adb, tmp_path):
    bundle = dense_bundle(tmp_path, "int8")
    assert deploy(bundle, device=PI).golden.samples == 4
    assert [(release.number, release.current, release.changed) for release in deployed(PI)] == [("0001", True, ())]
    report = bench(bundle, device=PI, target="raspberry-pi-4b", settings=SHORT)
    assert report.record.environment.board.value == BOARDS["pi4"].model
    assert report.record.golden.samples == 4
    remove(PI)
    assert deployed(PI) == ()


def test_nothing_is_left_running_there(adb):
    with open_device(PI) as device:
        device.run(("sh", "-c", "sleep 300 & sleep 301 &"), timeout_s=60)
    with open_device(PI) as device:
        listed = device.run(("ps", "-eo", "args"), timeout_s=60).stdout
    assert "sleep 30" not in listed


def test_a_serial_that_is_not_connected_is_told(adb):
    with pytest.raises(DeviceError, match=r"adb://0123456789AB: no such device\.") as caught:
        open_device("adb://0123456789AB")
    assert caught.value.hint == "See what is connected: adb devices"


@pytest.mark.parametrize(
    ("port", "kind", "state", "told"),
    [
        (15701, "unauthorized", "unauthorized", "it does not trust this machine"),
        (15702, "offline", "offline", "it is offline"),
        (15703, "old", "device", "its adbd is too old to hand on bytes as they are"),
    ],
)
def test_a_device_that_lets_nobody_in_is_told_in_one_line_with_what_to_do(adb, port, kind, state, told):
    serial = f"127.0.0.1:{port}"
    argv = ("nsenter", f"--net=/proc/{adb.process.pid}/ns/net", sys.executable, FAKE, str(port), kind)
    with subprocess.Popen(argv) as fake:
        try:
            connected(serial, state)
            with pytest.raises(DeviceError, match=f"adb://{serial}: {told}") as caught:
                open_device(f"adb://{serial}")
        finally:
            fake.kill()
    assert caught.value.hint


def connected(serial: str, state: str) -> None:
    """Connect until the device is in a state."""
    deadline = time.monotonic() + START_S
    listed = ""
    while f"{serial}\t{state}\n" not in listed:
        assert time.monotonic() < deadline, f"not {state}: {listed}"
        subprocess.run(("adb", "connect", serial), timeout=START_S, check=False, capture_output=True)
        listed = subprocess.run(("adb", "devices"), capture_output=True, text=True, check=True).stdout


def test_a_device_that_is_gone_in_the_middle_of_a_run_is_told(monkeypatch):
    script = "import sys, time; print('x', file=sys.stderr, flush=True); time.sleep(60)"
    with adb_board() as running:
        use(running, monkeypatch)
        with open_remote(PI) as device, pytest.raises(DeviceError, match=f"{PI}: the connection"):
            device.run(("python3", "-c", script), timeout_s=60, on_stderr=lambda _: running.end())
