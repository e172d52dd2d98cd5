"""A record as plain text."""

from __future__ import annotations

from dataclasses import replace

from edgekit_runtime.readings import EnergyReading, EnergyRun, Throughput, ThroughputRow
from edgekit_runtime.record import GoldenCheck
from edgekit_runtime.summary import figures
from edgekit_runtime.table import golden_line, record_table


def test_the_table_says_the_mode_of_each_figure_and_why_measuring_ended(make_record, make_run):
    record = make_record(*map(make_run, (100, 101, 102, 103, 104)))
    table = record_table(record)
    names = [named.name for named in figures(record)]
    rows = {line[:20].strip(): line[20:] for line in table.splitlines()}
    assert set(names) < set(rows)
    assert all("measured: " in rows[name] for name in names if name != "energy")
    assert rows["energy"] == "unavailable: no power sensor"
    assert rows["latency_p50"].startswith("102.5 µs (100.5 to 104.5, 95%)")
    assert rows["model_size"].startswith("96 KiB")
    assert rows["temperature"] == "unavailable: no thermal zone"
    assert rows["throttled"] == "unavailable: no vcgencmd"
    assert rows["clock"].endswith("; 1500 to 1500 MHz right after the inferences")
    assert rows["processes"] == "5; the interval of the median is under 3.0% of it"


def test_the_table_says_when_the_limit_of_runs_ended_it(make_record, make_run):
    table = record_table(make_record(*map(make_run, (100, 101, 102, 103, 200)), precise=False))
    assert "processes           5, the limit; the interval of the median is still 3.0% of it or more" in table


def test_a_golden_check_is_one_line_either_way():
    assert golden_line(GoldenCheck(4, 1.0, "step", 1.0)) == (
        "golden outputs: 4 samples, largest difference 1 step, allowed 1\n"
    )
    assert golden_line(GoldenCheck(0, 0.0, "step", 0.0, "a bare file")) == "golden outputs: not checked: a bare file\n"


def test_the_table_says_that_a_throttled_record_is_invalid(make_record, make_run, make_moments):
    record = replace(make_record(*map(make_run, (100, 101, 102, 103, 104))), moments=make_moments(5, 0x40004))
    assert "throttled           invalid: throttled while measuring latency (throttled)\n" in record_table(record)


def test_the_table_says_what_changed_while_it_measured(make_record, make_run, make_moment):
    record = make_record(*map(make_run, (100, 101, 102, 103, 104)))
    moments = (make_moment("begin", 0), *[make_moment("latency", 0)] * 4, make_moment("latency", 0x10000))
    table = record_table(replace(record, moments=moments))
    assert "throttled           invalid: " in table
    assert "governor            ondemand\n" in table
    same = record_table(replace(record, moments=(make_moment("begin", 0), *[make_moment("latency", 0)] * 5)))
    assert "throttled           nothing since boot\n" in same


def test_large_numbers_are_shown_in_full(make_record, make_run):
    throughput = Throughput((ThroughputRow(1, 1, (12345.0, 12345.0)),))
    record = replace(make_record(*map(make_run, (100, 101, 102, 103, 104))), throughput=throughput)
    assert "throughput_1x1      12345 1/s (12345 to 12345, 95%)" in record_table(record)


def test_energy_is_shown_in_a_readable_unit(make_record, make_run):
    runs = tuple(EnergyRun(1000.0, 1500.0 + i, 100, 10**9) for i in range(3))
    record = replace(make_record(*map(make_run, (100, 101, 102, 103, 104))), energy=EnergyReading("RAPL", runs, 0.01))
    assert "energy              5.01 mJ (" in record_table(record)
