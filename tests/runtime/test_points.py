"""Operating points: which takes least, and what speaks against it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_runtime.points import OperatingPoint, OperatingPoints, choice_words, choose
from edgekit_runtime.readings import EnergyRun
from edgekit_runtime.table import record_table

MS = 1e6


def around(value, spread=0.01):
    return (value * (1 - spread), value, value * (1 + spread))


def point_of(instances, threads, p90_ms, cpu_ms, energy_uj=None, cap_mhz=None, spread=0.01):
    """A point; its energy is that of one inference, drawn in a second of a hundred of them."""
    runs = () if energy_uj is None else tuple(EnergyRun(0.0, uj / 10, 100, 10**9) for uj in around(energy_uj, spread))
    times = tuple(ms * MS for ms in around(p90_ms, spread))
    cpu = tuple(ms * MS for ms in around(cpu_ms, spread))
    return OperatingPoint(instances, threads, cap_mhz, times, around(1e3 / p90_ms, spread), cpu, runs)


def points_of(*points, budget_ms=0.0):
    said = {"energy_by": "no power sensor is here", "caps_by": "left as it is: only root may"}
    return OperatingPoints(points, budget_ms * MS, **said, governors_by="performance tried")


def test_the_least_energy_counts_where_it_was_measured():
    slow, fast = point_of(1, 1, 20, 20, 900, 1000.0), point_of(1, 4, 8, 30, 1200)
    choice = choose(points_of(slow, fast))
    assert choice.point is slow
    assert choice.alike == ()
    assert "1x1 at 1000 MHz takes the least energy (no --latency-budget was given)" in choice_words(
        points_of(slow, fast)
    )


def test_a_point_over_the_budget_is_passed_over():
    slow, fast = point_of(1, 1, 20, 20, 900), point_of(1, 4, 8, 30, 1200)
    found = points_of(slow, fast, budget_ms=10)
    assert choose(found).point is fast
    assert "1x4 takes the least energy (within 10 ms)" in choice_words(found)


def test_a_budget_within_the_interval_is_not_kept():
    found = points_of(point_of(1, 1, 9.99, 10), point_of(1, 2, 5, 12), budget_ms=10)
    assert choose(found).point.threads == 2


def test_where_none_keeps_the_budget_the_fastest_is_told():
    found = points_of(point_of(1, 1, 20, 20), point_of(1, 4, 8, 30), budget_ms=5)
    assert choose(found).point is None
    assert "none stays within 5 ms; the fastest, 1x4, takes up to 8.2 ms" in choice_words(found)


def test_without_energy_processor_time_ranks_and_it_is_said():
    words = choice_words(points_of(point_of(1, 1, 20, 20), point_of(1, 4, 8, 30)))
    assert "1x1 takes the least processor time" in words
    assert "no energy was measured (no power sensor is here)" in words
    assert words.endswith("clock: left as it is: only root may; governor: performance tried")


def test_a_point_is_named_by_what_was_set():
    assert replace(point_of(2, 1, 20, 20), governor="schedutil").name == "2x1, schedutil"
    assert point_of(1, 4, 20, 20, cap_mhz=600.0).name == "1x4 at 600 MHz"


def test_points_that_are_not_told_apart_are_named():
    found = points_of(point_of(1, 1, 20, 20), point_of(2, 1, 20, 20.1), point_of(1, 4, 8, 40))
    assert [point.name for point in choose(found).alike] == ["2x1"]
    assert "not told apart from it: 2x1" in choice_words(found)


@given(st.lists(st.tuples(st.floats(1, 100), st.floats(1, 100)), min_size=1, max_size=6), st.floats(0.5, 120))
def test_the_choice_keeps_the_budget_and_nothing_that_keeps_it_takes_less(values, budget_ms):
    found = points_of(*(point_of(1, 1 + n, p90, cpu) for n, (p90, cpu) in enumerate(values)), budget_ms=budget_ms)
    best = choose(found).point
    fitting = [point for point in found.points if point.latency.interval.high <= found.budget_ns]
    assert (best in fitting) if fitting else best is None
    assert all(best.cost.value <= point.cost.value for point in fitting)


def test_they_stand_in_the_table(make_record, make_run):
    record = replace(make_record(*[make_run(100)] * 5), points=points_of(point_of(1, 1, 20, 20), point_of(2, 1, 8, 30)))
    lines = record_table(record).splitlines()
    assert "operating points: interpreters x threads; p90; throughput; cost" in lines
    assert lines[-2].startswith("1x1               20 ms (")
    assert any(line.startswith("operating point     1x1 takes the least processor time") for line in lines)


def test_points_are_whole_or_have_a_reason():
    one = point_of(1, 1, 1, 1)
    with pytest.raises(ValueError, match="reason why there are none"):
        OperatingPoints()
    with pytest.raises(ValueError, match="all or none"):
        OperatingPoints((one, point_of(1, 2, 1, 1, 5)))
    with pytest.raises(ValueError, match="at least two of each"):
        replace(one, cpu_ns=(1.0,))
    with pytest.raises(ValueError, match="every repetition or in none"):
        replace(one, energy=(EnergyRun(0, 1, 1, 1),))
