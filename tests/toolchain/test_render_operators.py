"""The operators that take longest, in 80 columns."""

from __future__ import annotations

import io

from rich.console import Console

from edgekit.reports.render.operators import SHOWN, operators_table
from edgekit_runtime.readings import OperatorTime, OperatorTimes


def lines_of(times: OperatorTimes) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=80, highlight=False).print(operators_table(times))
    return out.getvalue().splitlines()


def times_of(count: int, name: str = "layer") -> OperatorTimes:
    rows = tuple(OperatorTime(i, "CONV_2D", name, 1000.0 * (i + 1)) for i in range(count))
    return OperatorTimes("a profiler", rows, (), 10, 100_000.0)


def test_the_longest_stand_first_and_the_others_together():
    lines = lines_of(times_of(13))
    assert lines[0].split() == ["operator", "time", "share"]
    assert lines[1].split() == ["#12", "CONV_2D", "layer", "13.0", "µs", "13.0%"]
    assert len(lines) == 1 + SHOWN + 1
    assert lines[-1].split() == ["3", "others", "6.0", "µs", "6.0%"]


def test_few_operators_have_no_others():
    assert len(lines_of(times_of(2))) == 3


def test_a_long_name_does_not_break_the_table():
    lines = lines_of(times_of(2, "block/" * 30))
    assert len(lines) == 3
    assert all(len(line) <= 80 for line in lines)
    assert "..." in lines[1]
