"""From raw runs to figures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgekit_runtime.figure import measured, unavailable
from edgekit_runtime.record import Environment, Fact, GoldenCheck, ModelIdentity, Record
from edgekit_runtime.runs import BenchSettings, MemoryReading, Run
from edgekit_runtime.summary import figures
from edgekit_runtime.table import golden_line, record_table

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


def run_of(latency_us: int, peak_mib: int = 40) -> Run:
    latencies = tuple(latency_us * 1000 + 10 * i for i in range(101))
    return Run(2_000_000, 3_000_000, (), latencies, MemoryReading("VmHWM", 30 * MIB, peak_mib * MIB, 9 * MIB))


def record_of(*runs: Run, precise: bool = True) -> Record:
    environment = Environment(
        board=Fact("Raspberry Pi 4 Model B Rev 1.1"),
        machine="aarch64",
        cpu=Fact("ARM Cortex-A72"),
        cores=4,
        memory_bytes=measured(4 << 30, "byte", "MemTotal of /proc/meminfo"),
        system="Linux 6.6.31",
        python="3.11.2",
        interpreter="ai-edge-litert 2.3.0",
        kernels="xnnpack",
        governor=Fact("ondemand"),
        clock_mhz=measured(1500, "MHz", "scaling_cur_freq"),
        temperature_c=unavailable("°C", "no thermal zone"),
        throttled=Fact(reason="no vcgencmd"),
    )
    identity = ModelIdentity("resnet8", "tflite", "int8", "ab" * 32, 96 * 1024, "cd" * 32)
    return Record(identity, environment, BenchSettings(), GoldenCheck(4, 0.0, "step", 0.0), runs, precise)


def test_the_figures_come_in_their_order_each_measured_and_with_its_method():
    named = figures(record_of(*map(run_of, (100, 101, 102, 103, 104))))
    assert [figure.name for figure in named] == NAMES
    assert {figure.figure.mode for figure in named} == {"measured"}
    assert all(figure.figure.method for figure in named)
    assert {figure.figure.unit for figure in named[:5]} == {"ns"}
    assert {figure.figure.unit for figure in named[5:]} == {"byte"}


def test_a_latency_is_the_geometric_mean_of_the_processes_own_quantiles():
    by_name = {named.name: named.figure for named in figures(record_of(*map(run_of, (100, 200, 400, 800, 1600))))}
    assert by_name["latency_p50"].value == pytest.approx(400_500, rel=1e-3)
    assert by_name["latency_p90"].value == pytest.approx(400_900, rel=1e-3)
    assert by_name["latency_p50"].interval.low < 400_500 < by_name["latency_p50"].interval.high


def test_processes_that_agree_give_a_narrow_interval():
    interval = figures(record_of(*map(run_of, (100, 100, 100, 100, 101))))[0].figure.interval
    assert interval.high / interval.low < 1.02


def test_memory_is_that_of_the_largest_process_and_the_models_is_less_its_baseline():
    by_name = {n.name: n.figure for n in figures(record_of(*(run_of(100, peak) for peak in (38, 39, 44, 39, 38))))}
    assert by_name["peak_rss"].value == 44 * MIB
    assert by_name["model_memory"].value == 14 * MIB
    assert "VmHWM" in by_name["peak_rss"].method


def test_memory_that_one_process_could_not_read_is_unavailable_with_its_reason():
    blind = replace(run_of(100), memory=MemoryReading(reason="/proc/self/clear_refs: permission denied"))
    by_name = {n.name: n.figure for n in figures(record_of(*(run_of(100) for _ in range(4)), blind))}
    assert by_name["peak_rss"].mode == "unavailable"
    assert by_name["peak_rss"].reason == by_name["model_memory"].reason == "/proc/self/clear_refs: permission denied"


def test_a_record_with_too_few_runs_is_refused():
    with pytest.raises(ValueError, match="4 runs; allowed: 5 to 20"):
        record_of(*map(run_of, (100, 101, 102, 103)))


def test_the_table_says_the_mode_of_each_figure_and_why_measuring_ended():
    table = record_table(record_of(*map(run_of, (100, 101, 102, 103, 104))))
    rows = {line[:17].strip(): line[17:] for line in table.splitlines()}
    assert set(NAMES) < set(rows)
    assert all("measured: " in rows[name] for name in NAMES)
    assert rows["latency_p50"].startswith("102.5 µs (100.5 to 104.5, 95%)")
    assert rows["model_size"].startswith("96 KiB")
    assert rows["temperature"] == "unavailable: no thermal zone"
    assert rows["throttled"] == "unavailable: no vcgencmd"
    assert rows["processes"] == "5; the interval of the median is under 3.0% of it"


def test_the_table_says_when_the_limit_of_runs_ended_it():
    table = record_table(record_of(*map(run_of, (100, 101, 102, 103, 200)), precise=False))
    assert "processes        5, the limit; the interval of the median is still 3.0% of it or more" in table


def test_a_golden_check_is_one_line_either_way():
    assert golden_line(GoldenCheck(4, 1.0, "step", 1.0)) == (
        "golden outputs: 4 samples, largest difference 1 step, allowed 1\n"
    )
    assert golden_line(GoldenCheck(0, 0.0, "step", 0.0, "a bare file")) == "golden outputs: not checked: a bare file\n"
