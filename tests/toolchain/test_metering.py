"""How far a device's clock is from this machine's."""

from __future__ import annotations

import itertools

import pytest

from edgekit.metering import clock_ahead
from edgekit_devices.device import Completed
from edgekit_runtime.errors import DeviceError


class Clocked:
    """A device whose clock is ahead, and whose answers take some time each."""

    address, python = "fake", "python3"

    def __init__(self, ahead_s, took_s, before="") -> None:
        self.now_s, self._ahead_s, self._took_s, self._before = 1000.0, ahead_s, itertools.cycle(took_s), before

    def run(self, argv, *, timeout_s, on_stderr=None):
        took_s = next(self._took_s)
        self.now_s += took_s / 2
        told = f"{self._before}{self.now_s + self._ahead_s!r}\n"
        self.now_s += took_s / 2
        return Completed(tuple(argv), 0, told, "")


def test_the_fastest_answer_tells_how_far_a_clock_is_ahead():
    device = Clocked(7.5, (0.8, 0.2, 0.4))
    ahead_s, uncertainty_s = clock_ahead(device, lambda: device.now_s)
    assert ahead_s == pytest.approx(7.5)
    assert uncertainty_s == pytest.approx(0.1)


def test_what_a_login_prints_before_does_not_matter():
    device = Clocked(-2.0, (0.1,), "welcome\n")
    assert clock_ahead(device, lambda: device.now_s)[0] == pytest.approx(-2.0)


def test_a_device_that_tells_no_time_has_failed():
    device = Clocked(0.0, (0.1,))
    device.run = lambda argv, **_: Completed(tuple(argv), 1, "", "no python")
    with pytest.raises(DeviceError, match="does not tell its time"):
        clock_ahead(device)
