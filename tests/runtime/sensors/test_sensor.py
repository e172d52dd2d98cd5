"""Readings to mean power."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_runtime.sensors.sensor import Reading, SensorError, mean_power, mean_rate, read_number

steps = st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 999)), min_size=1, max_size=20)
powers = st.lists(st.tuples(st.integers(1, 10**9), st.floats(0, 1e6)), min_size=2, max_size=20)


@given(powers)
def test_a_mean_power_lies_between_its_readings(gaps):
    now, readings = 0, []
    for gap, power in gaps:
        now += gap
        readings.append(Reading(now, (power,)))
    found = [power for _, power in gaps]
    assert min(found) <= mean_power(readings) * (1 + 1e-9)
    assert mean_power(readings) <= max(found) * (1 + 1e-9)


def test_a_power_that_rises_evenly_has_the_mean_of_its_ends_however_it_was_sampled():
    readings = [Reading(time, (2.0 * time,)) for time in (0, 10, 15, 60, 100)]
    assert mean_power(readings) == pytest.approx(100)


@given(steps, st.integers(0, 999))
def test_a_counter_that_wraps_gives_the_same_rate_as_one_that_does_not(gaps, start):
    now, total = 0, start
    readings, wrapped = [Reading(0, (start,))], [Reading(0, (start % 1000,))]
    for gap, grown in gaps:
        now, total = now + gap, total + grown
        readings.append(Reading(now, (total,)))
        wrapped.append(Reading(now, (total % 1000,)))
    assert mean_rate(wrapped, (1000,)) == pytest.approx(mean_rate(readings, (10**9,)))


def test_counters_beside_each_other_are_added_each_by_its_own_range():
    readings = [Reading(0, (90, 5)), Reading(10, (10, 25))]
    assert mean_rate(readings, (100, 1000)) == pytest.approx((20 + 20) / 10)


@pytest.mark.parametrize("readings", [[], [Reading(5, (1.0,))], [Reading(5, (1.0,)), Reading(5, (2.0,))]])
def test_readings_without_time_between_them_give_no_power(readings):
    with pytest.raises(SensorError, match="two or more at different times"):
        mean_power(readings)


@pytest.mark.parametrize("text", ["", "4.5", "n/a"])
def test_a_file_that_holds_no_whole_number_is_told_with_what_it_reads(tree, text):
    root = tree({"power": text})
    with pytest.raises(SensorError, match=r"power reads .*allowed: a whole number"):
        read_number(root / "power")
