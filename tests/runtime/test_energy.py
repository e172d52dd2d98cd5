"""Energy by a sensor that is made up, of processes that are not."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from edgekit_runtime.energy import Sampler, measure_energy
from edgekit_runtime.handover import Window
from edgekit_runtime.progress import silent
from edgekit_runtime.runs import BenchSettings, Workload
from edgekit_runtime.sensors.sensor import Reading, SensorError, mean_power, reading_of

QUICK = BenchSettings(warmup_s=0.0, energy_s=0.02, timeout_s=60.0)


class MadeSensor:
    """A sensor that shows one power after the other, then is gone."""

    name = "a made sensor"
    present = True

    def __init__(self, powers: Iterator[float]) -> None:
        self.powers = powers

    def read(self) -> Reading:
        power = next(self.powers, None)
        if power is None:
            raise SensorError("power1_input: no such device")
        return reading_of(power)

    def mean_mw(self, readings: Sequence[Reading]) -> float:
        return mean_power(readings)


@pytest.fixture
def workload(dense: Path, tmp_path: Path) -> Workload:
    np.save(tmp_path / "input.npy", np.full((1, 8), 0.5, np.float32))
    return Workload(str(dense), "tflite", (str(tmp_path / "input.npy"),), QUICK)


def test_each_fresh_process_has_its_idle_power_and_its_busy_one(workload):
    powers = itertools.cycle([1000.0, 1000.0, 3000.0, 3000.0])  # a phase this short has two readings
    found = measure_energy("running", workload, MadeSensor(powers), silent)
    assert found.sensor == "a made sensor"
    assert [(run.idle_mw, run.busy_mw) for run in found.runs] == [(pytest.approx(1000), pytest.approx(3000))] * 5
    assert all(run.inferences > 0 for run in found.runs)
    assert found.sampling_share is not None
    assert found.sampling_share >= 0


def test_a_sensor_that_disappears_leaves_its_reason(workload):
    found = measure_energy("running", workload, MadeSensor(iter([1000.0] * 5)), silent)
    assert found.reason == "a made sensor: power1_input: no such device, while measuring"
    assert found.runs == ()


def test_a_sensor_is_read_at_intervals_from_the_beginning_to_the_end():
    taken: list[float] = []

    def powers() -> Iterator[float]:
        while True:
            taken.append(time.perf_counter())
            yield 5.0

    now_ns = time.perf_counter_ns()
    assert Sampler(MadeSensor(powers())).mean_mw(Window(now_ns, now_ns + 250_000_000)) == pytest.approx(5)
    assert len(taken) == 4
    assert taken[-1] >= (now_ns + 250_000_000) / 1e9
