"""Measuring on a device by the agent that is brought there."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from edgekit_devices.bench import bench_on
from edgekit_devices.device import Completed
from edgekit_devices.local import LocalDevice
from edgekit_devices.local_transport import LocalTransport
from edgekit_devices.remote import RemoteDevice
from edgekit_runtime.child import UnexpectedError
from edgekit_runtime.errors import DeviceError, MissingExtraError, ModelError
from edgekit_runtime.runs import BenchSettings
from tests.bundle_files import dense_bundle

SHORT = BenchSettings(max_runs=5, warmup_s=0.0, sample_s=0.0, min_samples=3)


class ScriptedDevice:
    """A device on which every command ends in the same way."""

    address = "ssh://pi@host"
    python = "python3"

    def __init__(self, status: int, stdout: str, stderr: str = "") -> None:
        self.answer = (status, stdout, stderr)
        self.pushed: list[str] = []
        self.argv: tuple[str, ...] = ()

    def push(self, source: Path, name: str) -> str:
        assert source.exists()
        self.pushed.append(name)
        return f"/home/pi/.edgekit/{name}"

    def run(self, argv, *, timeout_s, on_stderr=None):
        self.argv = tuple(argv)
        for line in self.answer[2].splitlines(keepends=True):
            on_stderr(line)
        return Completed(self.argv, *self.answer)


@pytest.fixture
def bundle(tmp_path):
    (tmp_path / "m.edgekit").touch()
    return tmp_path / "m.edgekit"


def error(code: str, message: str = "It failed.", hint: str = "Try again.") -> str:
    return json.dumps({"error": {"code": code, "message": message, "hint": hint}})


def test_this_machine_measures_a_real_model_by_the_packed_runtime(assets):
    told = []
    model = assets / "mlperf-tiny/pretrainedResnet.tflite"
    record = bench_on(LocalDevice(), model, SHORT, lambda *progress: told.append(progress))
    assert record.settings == SHORT
    assert len(record.runs) == 5
    assert record.model.name == "pretrainedResnet"
    assert told[0] == ("check golden outputs", 0, 1)
    assert told[-1] == ("measure", 5, 5)


def test_a_model_that_aborts_the_interpreter_is_the_users_error_and_names_the_file(assets):
    path = next((assets / "tricky/tflite").glob("*blockwise_quantized*"))
    with pytest.raises(ModelError, match=r"blockwise_quantized.*SIGABRT"):
        bench_on(LocalDevice(), path, SHORT)


def test_the_runtime_and_the_bundle_are_brought_there_and_run_with_the_settings(bundle):
    device = ScriptedDevice(2, error("model"))
    with pytest.raises(ModelError):
        bench_on(device, bundle, SHORT)
    assert device.pushed == ["edgekit-runtime.pyz", "m.edgekit"]
    assert device.argv[:4] == ("python3", "/home/pi/.edgekit/edgekit-runtime.pyz", "bench", "--json")
    assert "--max-runs=5" in device.argv
    assert device.argv[-1] == "/home/pi/.edgekit/m.edgekit"


def test_a_model_that_is_not_there_is_not_brought_anywhere(tmp_path):
    device = ScriptedDevice(0, "")
    with pytest.raises(ModelError, match="none: no such file"):
        bench_on(device, tmp_path / "none", SHORT)
    assert device.pushed == []


def test_progress_lines_are_told_and_the_rest_of_the_log_is_not(bundle):
    told = []
    device = ScriptedDevice(2, error("model"), "INFO: delegate\nprogress: measure 1/5\nprogress: measure 2/5\n")
    with pytest.raises(ModelError):
        bench_on(device, bundle, SHORT, lambda *progress: told.append(progress))
    assert told == [("measure", 1, 5), ("measure", 2, 5)]


@pytest.mark.parametrize(
    ("code", "kind"), [("model", ModelError), ("device", DeviceError), ("missing-extra", MissingExtraError)]
)
def test_an_error_on_the_device_is_the_same_error_here(bundle, code, kind):
    with pytest.raises(kind) as caught:
        bench_on(ScriptedDevice(kind.exit_status, error(code)), bundle, SHORT)
    assert (caught.value.message, caught.value.hint) == ("ssh://pi@host: It failed.", "Try again.")


def test_what_the_agent_says_names_the_device_and_the_users_own_path(bundle):
    there = "/home/pi/.edgekit/m.edgekit"
    told = error("device", f"{there}: running the model: the process was ended by SIGKILL.", f"Look at {there}.")
    with pytest.raises(DeviceError) as caught:
        bench_on(ScriptedDevice(3, told), bundle, SHORT)
    assert caught.value.message == f"ssh://pi@host: {bundle}: running the model: the process was ended by SIGKILL."
    assert caught.value.hint == f"Look at {bundle}."


@pytest.mark.parametrize(("name", "kind"), [("SIGKILL", DeviceError), ("SIGILL", DeviceError), ("SIGSEGV", ModelError)])
def test_a_measuring_process_that_the_system_ends_is_the_devices_failure(home, tmp_path, monkeypatch, name, kind):
    (tmp_path / "ending").mkdir()
    (tmp_path / "ending/sitecustomize.py").write_text(
        f"import os, signal, sys\nif sys.orig_argv[-1] == 'measure-process': os.kill(os.getpid(), signal.{name})\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "ending"))
    path = dense_bundle(tmp_path)
    with RemoteDevice(LocalTransport(), sys.executable) as device, pytest.raises(kind) as caught:
        bench_on(device, path, SHORT)
    assert f"{path}: running the model: the process was ended by {name}" in caught.value.message
    assert str(home) not in str(caught.value)


def test_a_bug_on_the_device_is_a_bug_here(bundle):
    with pytest.raises(UnexpectedError, match="ZeroDivisionError"):
        bench_on(ScriptedDevice(70, error("bug", "ZeroDivisionError")), bundle, SHORT)


@pytest.mark.parametrize("stdout", ["", "Welcome!", "[]", '{"error": 1}', '{"error": {"code": "model"}}'])
def test_an_agent_that_says_nothing_readable_is_the_devices_failure_with_its_last_line(bundle, stdout):
    device = ScriptedDevice(-9, stdout, "progress: measure 1/5\nKilled\n")
    with pytest.raises(DeviceError, match="ssh://pi@host: the agent ended with status -9: Killed"):
        bench_on(device, bundle, SHORT)


@pytest.mark.parametrize("stdout", ["", "{}", '{"schema": "edgekit/record", "version": 2}'])
def test_a_record_that_cannot_be_read_is_the_devices_failure(bundle, stdout):
    with pytest.raises(DeviceError, match="the agent's answer cannot be read"):
        bench_on(ScriptedDevice(0, stdout), bundle, SHORT)
