"""From raw runs to figures."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from edgekit_runtime.readings import EnergyReading, EnergyRun, Throughput, ThroughputRow, WeightCache
from edgekit_runtime.runs import MemoryReading
from edgekit_runtime.summary import figures

MIB = 1 << 20
NAMES = [
    "latency_p50",
    "latency_p90",
    "latency_p99",
    "load_time",
    "first_inference",
    "cpu_time",
    "peak_rss",
    "model_memory",
    "arena_size",
    "model_size",
    "energy",
]
RUNS = (100, 101, 102, 103, 104)


def by_name(record):
    return {named.name: named.figure for named in figures(record)}


def energy_of(*powers_mw):
    """A reading of processes that made 100 inferences in a second, with 1000 mW idle and some more busy."""
    runs = tuple(EnergyRun(1000.0, 1000.0 + power, 100, 10**9) for power in powers_mw)
    return EnergyReading("a made sensor", runs, 0.012)


def test_the_figures_come_in_their_order_each_measured_and_with_its_method(make_record, make_run):
    record = replace(make_record(*map(make_run, RUNS)), energy=energy_of(500.0, 501.0))
    named = figures(record)
    assert [figure.name for figure in named] == NAMES
    assert {figure.figure.mode for figure in named} == {"measured"}
    assert all(figure.figure.method for figure in named)
    assert {figure.figure.unit for figure in named[:6]} == {"ns"}
    assert {figure.figure.unit for figure in named[6:10]} == {"byte"}
    assert named[-1].figure.unit == "µJ"


def test_a_latency_is_the_geometric_mean_of_the_processes_own_quantiles(make_record, make_run):
    starts = (100, 200, 400, 800, 1600)
    found = by_name(make_record(*map(make_run, starts)))
    for name, past_start_ns in (("latency_p50", 500), ("latency_p90", 900), ("latency_p99", 990)):
        expected = math.prod(start * 1000 + past_start_ns for start in starts) ** (1 / 5)
        assert found[name].value == pytest.approx(expected)
        assert found[name].interval.low < expected < found[name].interval.high


def test_processes_that_agree_give_a_narrow_interval(make_record, make_run):
    interval = figures(make_record(*map(make_run, (100, 100, 100, 100, 101))))[0].figure.interval
    assert interval.high / interval.low < 1.02


def test_memory_is_that_of_the_largest_process_and_the_models_is_less_its_baseline(make_record, make_run):
    found = by_name(make_record(*(make_run(100, peak) for peak in (38, 39, 44, 39, 38))))
    assert found["peak_rss"].value == 44 * MIB
    assert found["model_memory"].value == 14 * MIB
    assert "VmHWM" in found["peak_rss"].method


def test_memory_that_one_process_could_not_read_is_unavailable_with_its_reason(make_record, make_run):
    blind = replace(make_run(100), memory=MemoryReading(reason="/proc/self/clear_refs: permission denied"))
    found = by_name(make_record(*(make_run(100) for _ in range(4)), blind))
    assert found["peak_rss"].mode == "unavailable"
    assert found["peak_rss"].reason == found["model_memory"].reason == "/proc/self/clear_refs: permission denied"


def test_a_record_with_too_few_runs_is_refused(make_record, make_run):
    with pytest.raises(ValueError, match="4 runs; allowed: 5 to 20"):
        make_record(*map(make_run, (100, 101, 102, 103)))


def test_a_record_whose_moments_do_not_follow_its_runs_is_refused(make_record, make_run):
    record = make_record(*map(make_run, RUNS))
    with pytest.raises(ValueError, match="the moments do not begin with"):
        replace(record, moments=record.moments[1:])


def test_processor_time_is_that_of_one_inference(make_record, make_run):
    runs = [replace(make_run(100), cpu_ns=101 * 250_000) for _ in RUNS]
    assert by_name(make_record(*runs))["cpu_time"].value == pytest.approx(250_000)


def test_a_processor_clock_that_did_not_move_is_too_coarse(make_record, make_run):
    runs = [make_run(100) for _ in range(4)] + [replace(make_run(100), cpu_ns=0)]
    assert "too coarse" in by_name(make_record(*runs))["cpu_time"].reason


def test_a_throttled_run_has_no_times_and_keeps_its_sizes_and_samples(make_record, make_run, make_moments):
    record = replace(make_record(*map(make_run, RUNS)), moments=make_moments(5, 0x50005))
    found = by_name(record)
    times = ["latency_p50", "latency_p90", "latency_p99", "load_time", "first_inference", "cpu_time"]
    assert {found[name].reason for name in times} == {
        "invalid: throttled while measuring latency (under-voltage, throttled)"
    }
    assert all(found[name].available for name in ("peak_rss", "model_memory", "arena_size", "model_size"))
    assert all(run.latency_ns for run in record.runs)


def test_a_batch_is_told_in_the_method(make_record, make_run):
    record = make_record(*map(make_run, RUNS))
    batch = replace(record, settings=replace(record.settings, batch=4))
    assert "101 to 101 inferences of 4 samples each" in by_name(batch)["latency_p50"].method


def test_energy_is_the_mean_over_the_processes_with_idle_and_busy_power_told(make_record, make_run):
    record = replace(make_record(*map(make_run, RUNS)), energy=energy_of(490.0, 500.0, 510.0))
    energy = by_name(record)["energy"]
    assert energy.value == pytest.approx(5000)
    assert energy.interval.low < 5000 < energy.interval.high
    for part in ("a made sensor: 1500 mW busy less 1000 mW idle", "3 fresh processes", "1.2% of a core"):
        assert part in energy.method


def test_energy_that_does_not_stand_out_from_the_idle_power_is_unavailable(make_record, make_run):
    record = replace(make_record(*map(make_run, RUNS)), energy=energy_of(-40.0, 50.0, 10.0))
    assert "does not stand out" in by_name(record)["energy"].reason


def test_energy_without_a_sensor_has_its_reason(make_record, make_run):
    assert by_name(make_record(*map(make_run, RUNS)))["energy"].reason == "no power sensor"


def test_energy_that_was_measured_while_throttled_is_invalid(make_record, make_run, make_moment):
    record = replace(make_record(*map(make_run, RUNS)), energy=energy_of(500.0, 501.0))
    record = replace(record, moments=(*record.moments, make_moment("energy", 0x20002)))
    found = by_name(record)
    assert found["energy"].reason == "invalid: throttled while measuring energy (frequency capped)"
    assert found["latency_p50"].available


def test_a_weight_cache_has_both_load_times_and_its_size(make_record, make_run):
    record = make_record(*map(make_run, RUNS))
    found = by_name(replace(record, weight_cache=WeightCache((400, 400), (100, 100), 8192)))
    assert [found[f"load_time_{way}"].value for way in ("uncached", "cached")] == pytest.approx([400, 100])
    assert "CompiledModel" in found["load_time_cached"].method
    assert found["weight_cache_size"].value == 8192


def test_a_weight_cache_that_could_not_be_measured_has_its_reason(make_record, make_run):
    found = by_name(replace(make_record(*map(make_run, RUNS)), weight_cache=WeightCache(reason="none was written")))
    assert {found[name].reason for name in ("load_time_uncached", "load_time_cached", "weight_cache_size")} == {
        "none was written"
    }


def test_each_arrangement_has_its_throughput(make_record, make_run):
    rows = (ThroughputRow(1, 4, (50.0, 50.0)), ThroughputRow(4, 1, (80.0, 80.0)))
    found = by_name(replace(make_record(*map(make_run, RUNS)), throughput=Throughput(rows)))
    assert found["throughput_1x4"].value == pytest.approx(50)
    assert "1 interpreter with 4 threads" in found["throughput_1x4"].method
    assert found["throughput_4x1"].value == pytest.approx(80)
    assert "4 interpreters side by side" in found["throughput_4x1"].method
    assert found["throughput_4x1"].unit == "1/s"


def test_throughput_that_could_not_be_measured_has_its_reason(make_record, make_run):
    found = by_name(replace(make_record(*map(make_run, RUNS)), throughput=Throughput(reason="it died")))
    assert found["throughput"].reason == "it died"


def test_what_was_not_asked_for_has_no_figure(make_record, make_run):
    assert [name for name in by_name(make_record(*map(make_run, RUNS))) if name not in NAMES] == []
