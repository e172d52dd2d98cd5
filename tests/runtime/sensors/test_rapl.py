"""RAPL on made trees."""

from __future__ import annotations

import pytest

from edgekit_runtime.sensors.rapl import Rapl
from edgekit_runtime.sensors.sensor import Reading, SensorError

BASE = "sys/class/powercap/intel-rapl:"
PACKAGE = {
    f"{BASE}0/name": "package-0",
    f"{BASE}0/energy_uj": 1000,
    f"{BASE}0/max_energy_range_uj": 262143328850,
}
PARTS = {
    f"{BASE}0:0/name": "core",
    f"{BASE}0:0/energy_uj": 900,
    f"{BASE}1/name": "psys",
    f"{BASE}1/energy_uj": 5000,
}
SECOND = 10**9


def test_the_packages_are_counted_and_their_parts_are_not(tree):
    second = {name.replace(":0/", ":2/"): value for name, value in PACKAGE.items()}
    sensor = Rapl(tree({**PACKAGE, **PARTS, **second, f"{BASE}2/name": "package-1"}))
    assert sensor.present
    assert sensor.read().values == (1000, 1000)
    assert sensor.name.startswith("RAPL, 2 processor packages")


def test_microjoules_in_a_second_are_microwatts(tree):
    sensor = Rapl(tree(PACKAGE))
    first = sensor.read()
    tree({f"{BASE}0/energy_uj": 3_001_000})
    later = Reading(first.time_ns + SECOND, sensor.read().values)
    assert sensor.mean_mw([first, later]) == pytest.approx(3000)


def test_a_counter_that_begins_anew_is_followed_by_its_range(tree):
    sensor = Rapl(tree({**PACKAGE, f"{BASE}0/max_energy_range_uj": 10_000}))
    readings = [Reading(0, (9000.0,)), Reading(SECOND, (2000.0,))]
    assert sensor.mean_mw(readings) == pytest.approx(3)


def test_a_counter_that_stands_still_is_no_measurement(tree):
    sensor = Rapl(tree(PACKAGE))
    with pytest.raises(SensorError, match="energy_uj stands still"):
        sensor.mean_mw([Reading(0, (5.0,)), Reading(SECOND, (5.0,))])


def test_without_root_the_command_is_told_that_allows_it(tree, as_nobody):
    path = tree(PACKAGE) / f"{BASE}0/energy_uj"
    sensor = Rapl(path.parents[4])
    as_nobody(path)
    with pytest.raises(SensorError, match=rf"only root may read .*; run: sudo chmod a\+r {path}"):
        sensor.read()


def test_a_counter_that_disappears_is_told(tree):
    root = tree(PACKAGE)
    sensor = Rapl(root)
    (root / f"{BASE}0/energy_uj").unlink()
    with pytest.raises(SensorError, match="energy_uj: no such file"):
        sensor.read()


def test_a_machine_without_it_has_none(tree):
    assert not Rapl(tree({"sys/class/powercap/dtpm/name": "dtpm"})).present
