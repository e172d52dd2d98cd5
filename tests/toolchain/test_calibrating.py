"""edgekit.calibrating: a profile from micro-benchmarks on a device."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest

from edgekit import calibrating
from edgekit.calibrating import calibrate
from edgekit.cli.main import main
from edgekit_devices.local_transport import LocalTransport
from edgekit_devices.remote import RemoteDevice
from edgekit_runtime.errors import DeviceError, OutputError, ProfileError, UserError
from edgekit_runtime.runs import BenchSettings
from edgekit_targets.catalog import load_profile

SHORT = BenchSettings(max_runs=5, warmup_s=0.0, sample_s=0.0, min_samples=2, energy_s=0.0)


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        ({"name": ""}, UserError, "allowed: a name"),
        ({"output": Path("mine.json")}, UserError, "a .toml file"),
        ({"output": Path("nowhere/mine.toml")}, OutputError, "nowhere: no such folder"),
        ({"clock_mhz": -1.0}, UserError, "above 0"),
        ({"extends": "raspberry-pi-9"}, ProfileError, "no target"),
        ({"device": "moon"}, UserError, "no device's address"),
    ],
)
def test_wrong_input_is_told_before_anything_is_measured(arguments, error, told):
    given = {"name": "mine", "device": "local", **arguments}
    with pytest.raises(error, match=told):
        calibrate(given.pop("name"), **given)


def test_an_emulated_board_is_refused_before_it_is_made_ready():
    with pytest.raises(DeviceError, match="an emulated board has no speeds to measure"):
        calibrate("mine", device="emulated://raspberry-pi-4b")


class Clockless(LocalTransport):
    """This machine, which hides its clock and bears nothing else."""

    def run(self, argv, **kwargs):
        assert "cpufreq" in argv[-1], "nothing is measured before the clock is known"
        return super().run([sys.executable, "-c", ""], **kwargs)


def test_a_device_that_does_not_tell_its_clock_is_asked_first(monkeypatch):
    monkeypatch.setattr(calibrating, "open_device", lambda _: RemoteDevice(Clockless(), sys.executable))
    with pytest.raises(DeviceError, match="does not tell the clock") as caught:
        calibrate("mine", device="ssh://pi@board")
    assert "--clock-mhz" in caught.value.hint


@pytest.mark.slow
@pytest.mark.parametrize("session", [False, True])
def test_this_machine_is_measured_and_its_profile_is_sound(tmp_path, capsys, monkeypatch, session):
    monkeypatch.setattr(calibrating, "SETTINGS", SHORT)
    if session:  # all that is different over SSH is who carries the session's bytes
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setattr(calibrating, "open_device", lambda _: RemoteDevice(LocalTransport(), sys.executable))
    path = tmp_path / "mine.toml"
    argv = ["--quiet", "targets", "calibrate", "mine", "--device", "ssh://pi@board" if session else "local"]
    assert main([*argv, "--extends", "raspberry-pi-4b", "--clock-mhz", "2000", "-o", str(path)]) == 0
    told = capsys.readouterr()
    assert f"{path}: extends raspberry-pi-4b" in told.out
    assert f"doubt: the device's instruction set is {platform.machine()}" in told.err
    profile = load_profile(str(path)).profile
    speed = profile.cpu.speed
    assert speed is not None
    assert speed.float32_macs_per_cycle is not None
    assert speed.float32_macs_per_cycle.confidence == "verified"
    assert speed.int8_macs_per_cycle is not None
    assert speed.int8_macs_per_cycle.value > 0.1
    assert profile.memory.bandwidth_mb_s is not None
    assert "edgekit targets calibrate" in profile.sources[speed.float32_macs_per_cycle.source]
    assert main(["targets", "validate", str(path)]) == 0
