"""From raw runs to figures."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from edgekit_runtime.runs import MemoryReading
from edgekit_runtime.summary import figures

MIB = 1 << 20
NAMES = [
    "latency_p50",
    "latency_p90",
    "latency_p99",
    "load_time",
    "first_inference",
    "peak_rss",
    "model_memory",
    "model_size",
]


def test_the_figures_come_in_their_order_each_measured_and_with_its_method(make_record, make_run):
    named = figures(make_record(*map(make_run, (100, 101, 102, 103, 104))))
    assert [figure.name for figure in named] == NAMES
    assert {figure.figure.mode for figure in named} == {"measured"}
    assert all(figure.figure.method for figure in named)
    assert {figure.figure.unit for figure in named[:5]} == {"ns"}
    assert {figure.figure.unit for figure in named[5:]} == {"byte"}


def test_a_latency_is_the_geometric_mean_of_the_processes_own_quantiles(make_record, make_run):
    starts = (100, 200, 400, 800, 1600)
    by_name = {named.name: named.figure for named in figures(make_record(*map(make_run, starts)))}
    for name, past_start_ns in (("latency_p50", 500), ("latency_p90", 900), ("latency_p99", 990)):
        expected = math.prod(start * 1000 + past_start_ns for start in starts) ** (1 / 5)
        assert by_name[name].value == pytest.approx(expected)
        assert by_name[name].interval.low < expected < by_name[name].interval.high


def test_processes_that_agree_give_a_narrow_interval(make_record, make_run):
    interval = figures(make_record(*map(make_run, (100, 100, 100, 100, 101))))[0].figure.interval
    assert interval.high / interval.low < 1.02


def test_memory_is_that_of_the_largest_process_and_the_models_is_less_its_baseline(make_record, make_run):
    by_name = {n.name: n.figure for n in figures(make_record(*(make_run(100, peak) for peak in (38, 39, 44, 39, 38))))}
    assert by_name["peak_rss"].value == 44 * MIB
    assert by_name["model_memory"].value == 14 * MIB
    assert "VmHWM" in by_name["peak_rss"].method


def test_memory_that_one_process_could_not_read_is_unavailable_with_its_reason(make_record, make_run):
    blind = replace(make_run(100), memory=MemoryReading(reason="/proc/self/clear_refs: permission denied"))
    by_name = {n.name: n.figure for n in figures(make_record(*(make_run(100) for _ in range(4)), blind))}
    assert by_name["peak_rss"].mode == "unavailable"
    assert by_name["peak_rss"].reason == by_name["model_memory"].reason == "/proc/self/clear_refs: permission denied"


def test_a_record_with_too_few_runs_is_refused(make_record, make_run):
    with pytest.raises(ValueError, match="4 runs; allowed: 5 to 20"):
        make_record(*map(make_run, (100, 101, 102, 103)))
