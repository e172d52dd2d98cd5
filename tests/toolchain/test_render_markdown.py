"""edgekit.reports.render.markdown: a comparison for a pull request."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.reports.compare import compare
from edgekit.reports.gate import judge, parse_gate
from edgekit.reports.render.markdown import comparison_markdown
from edgekit.reports.report import make_report


@pytest.fixture
def three(made):
    """Reports: the base, one twice as slow, one without memory and evaluation."""
    bare = make_report(made.without_memory(made.record(9.0, seed=3)), made.pi_4(), None)
    return [made.report(10.0), made.report(20.0, seed=1), bare]


def rows_of(text: str) -> dict[str, list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    return {row[0].strip().replace("\\", ""): [cell.strip() for cell in row[1:]] for row in cells}


def test_each_report_is_a_column_with_its_change_against_the_first(three):
    rows = rows_of(comparison_markdown(compare(three, ["old", "new", "bare"])))
    assert rows[""] == ["old", "new", "bare"]
    assert rows["---"] == ["---:"] * 3
    base, slow, fast = rows["latency_p50 [ms]"]
    assert re.fullmatch(r"10\.\d+ ± 0\.\d+", base)
    assert re.fullmatch(r"20\.\d+ ± 0\.\d+<br>\*\*2\.\d\dx worse\*\* \(1\.\d\d to 2\.\d\d\)", slow)
    assert "**0.90x better**" in fast
    assert "<br>no significant difference (" in rows["load_time [ms]"][1]


def test_what_is_missing_has_a_footnote_and_the_same_reason_the_same(three):
    text = comparison_markdown(compare(three, ["old", "new", "bare"]))
    rows = rows_of(text)
    assert rows["accuracy [%]"][2] == "missing[^1]<br>unknown[^1]"
    assert rows["peak_rss [MB]"][2] == rows["model_memory [MB]"][2] == "missing[^2]<br>unknown[^2]"
    assert "[^1]: the report holds no evaluation\n[^2]: the peak cannot be reset\n" in text


def test_reports_and_warnings_are_told_below(made):
    host = made.report(10.0)
    comparison = compare([host, made.report(10.0, seed=1)], ["a", "b"])
    text = comparison_markdown(comparison)
    assert "- a: resnet8, int8, on Raspberry Pi 4 Model B Rev 1.4\n" in text
    assert "Figures are measured where nothing else is said; intervals are 95 % intervals" in text
    assert text.count("**warning:**") == len(comparison.warnings)


def test_a_gate_comes_first(three):
    comparison = compare(three, ["old", "new", "bare"])
    text = comparison_markdown(comparison, judge(parse_gate("latency_p50 > 1.05x"), comparison))
    assert text.startswith("**Gate `latency_p50 > 1.05x`: failed**\n\n- new: failed, 2.")


def test_many_reports_make_one_table(made):
    reports = [made.report(10.0 + i, seed=i) for i in range(7)]
    rows = rows_of(comparison_markdown(compare(reports, list("abcdefg"))))
    assert {len(cells) for cells in rows.values()} == {7}


@settings(deadline=None)
@given(st.text(min_size=1, max_size=20))
def test_a_label_neither_ends_a_cell_nor_becomes_markup(made, label):
    comparison = compare([made.report(10.0), made.report(10.0, seed=1)], [f"x{label}", "other"])
    text = comparison_markdown(comparison)
    lines = [line for line in text.split("\n") if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in lines} == {4}
    head = lines[0].split(" | ")[1]
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_<>\[\]]", head)
