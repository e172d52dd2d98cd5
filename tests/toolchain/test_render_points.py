"""Operating points, in 80 columns."""

from __future__ import annotations

import io

from rich.console import Console

from edgekit.reports.render.points import points_table
from tests.runtime.test_points import point_of, points_of


def lines_of(found) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=80, highlight=False).print(points_table(found))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_the_best_is_marked_and_the_slow_ones_are():
    found = points_of(point_of(1, 1, 20, 20), point_of(1, 4, 8, 30), point_of(2, 1, 9, 31), budget_ms=10)
    lines = lines_of(found)
    assert lines[0].split() == ["operating", "point", "latency", "p90", "throughput", "processor", "time"]
    assert lines[1].endswith("too slow")
    assert lines[2].endswith("least")
    assert lines[3].endswith("ms")


def test_energy_stands_where_it_was_measured():
    lines = lines_of(points_of(point_of(1, 1, 20, 20, 900, 1000.0)))
    assert lines[0].split()[-1] == "energy"
    assert lines[1].strip().startswith("1x1 at 1000 MHz")
    assert "µJ" in lines[1]
