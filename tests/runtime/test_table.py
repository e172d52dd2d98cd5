"""A record as plain text."""

from __future__ import annotations

from edgekit_runtime.record import GoldenCheck
from edgekit_runtime.summary import figures
from edgekit_runtime.table import golden_line, record_table


def test_the_table_says_the_mode_of_each_figure_and_why_measuring_ended(make_record, make_run):
    record = make_record(*map(make_run, (100, 101, 102, 103, 104)))
    table = record_table(record)
    names = [named.name for named in figures(record)]
    rows = {line[:17].strip(): line[17:] for line in table.splitlines()}
    assert set(names) < set(rows)
    assert all("measured: " in rows[name] for name in names)
    assert rows["latency_p50"].startswith("102.5 µs (100.5 to 104.5, 95%)")
    assert rows["model_size"].startswith("96 KiB")
    assert rows["temperature"] == "unavailable: no thermal zone"
    assert rows["throttled"] == "unavailable: no vcgencmd"
    assert rows["processes"] == "5; the interval of the median is under 3.0% of it"


def test_the_table_says_when_the_limit_of_runs_ended_it(make_record, make_run):
    table = record_table(make_record(*map(make_run, (100, 101, 102, 103, 200)), precise=False))
    assert "processes        5, the limit; the interval of the median is still 3.0% of it or more" in table


def test_a_golden_check_is_one_line_either_way():
    assert golden_line(GoldenCheck(4, 1.0, "step", 1.0)) == (
        "golden outputs: 4 samples, largest difference 1 step, allowed 1\n"
    )
    assert golden_line(GoldenCheck(0, 0.0, "step", 0.0, "a bare file")) == "golden outputs: not checked: a bare file\n"
