"""Trying operating points with a true model, a made sensor and a made sysfs."""

from __future__ import annotations

import numpy as np
import pytest

from edgekit_runtime import operating
from edgekit_runtime.operating import TRIES, measure_points
from edgekit_runtime.runs import BenchSettings, Workload
from edgekit_runtime.sensors.sensor import SensorError, mean_power, reading_of
from tests.runtime.test_clocks import limits, now, sysfs_of

pytestmark = pytest.mark.slow  # each point takes fresh processes


class Growing:
    """A sensor whose every reading is higher than the one before."""

    name, present = "a made sensor", True

    def __init__(self, most=10**9) -> None:
        self._mw, self._most = 1000.0, most

    def read(self):
        self._mw += 10
        if self._mw > self._most:
            raise SensorError("it has gone")
        return reading_of(self._mw)

    def mean_mw(self, readings):
        return mean_power(readings)


def workload_of(dense, folder, **settings):
    np.save(folder / "x.npy", np.ones((1, 8), np.float32))
    settings = {"sample_s": 0.05, "warmup_s": 0.0, "energy_s": 0.0, "latency_budget_ms": 50.0, **settings}
    return Workload(str(dense), "tflite", (str(folder / "x.npy"),), BenchSettings(**settings))


def test_threads_and_interpreters_are_tried(dense, tmp_path):
    told = []
    found = measure_points("test", workload_of(dense, tmp_path), 2, 1e4, lambda *step: told.append(step), tmp_path)
    assert [(point.instances, point.threads) for point in found.points] == [(1, 1), (1, 2), (2, 1)]
    assert all(len(point.p90_ns) == TRIES and not point.energy for point in found.points)
    assert found.budget_ns == 50e6
    assert found.energy_by == "it was left out by --energy 0"
    assert "no scaling_max_freq to set" in found.caps_by
    assert "no scaling_governor to set" in found.governors_by
    assert told[-1] == ("operating points", 3, 3)


def test_under_a_sensor_each_point_has_its_energy_under_each_limit_and_governor(dense, tmp_path, monkeypatch):
    monkeypatch.setattr(operating, "find_sensor", Growing)
    root = sysfs_of(tmp_path / "root", "600000 2400000", governors="ondemand performance")
    found = measure_points("test", workload_of(dense, tmp_path, energy_s=1.0), 1, 1e4, lambda *_: None, root)
    assert [point.name for point in found.points] == ["1x1 at 600 MHz", "1x1 at 2400 MHz", "1x1, performance"]
    assert all(run.busy_mw > run.idle_mw for point in found.points for run in point.energy)
    assert found.energy_by == "a made sensor"
    assert found.caps_by == "limited to 600, 2400 MHz in turn, and set back"
    assert found.governors_by == "performance tried without a limit, and set back"
    assert (limits(root), now(root, "scaling_governor")) == (["2400000"], ["ondemand"])


def test_a_sensor_that_goes_ends_it_and_the_limit_is_set_back(dense, tmp_path, monkeypatch):
    monkeypatch.setattr(operating, "find_sensor", lambda: Growing(most=1015))
    root = sysfs_of(tmp_path / "root", "600000 2400000")
    with pytest.raises(operating.ModelError, match="it has gone, while trying operating points"):
        measure_points("test", workload_of(dense, tmp_path, energy_s=1.0), 1, 1e4, lambda *_: None, root)
    assert limits(root) == ["2400000"]
