"""Operating points on a terminal."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from edgekit.reports.render.units import figure_text, unit_for
from edgekit_runtime.figure import Figure
from edgekit_runtime.points import OperatingPoints, choose


def points_table(found: OperatingPoints) -> Table:
    """Each operating point with its latency, its rate and what an inference takes; the best is told."""
    best = choose(found).point
    cost = "energy" if found.points[0].energy else "processor time"
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for head in ("operating point", "latency p90", "throughput", cost, ""):
        table.add_column(head, justify="right" if head else "left", no_wrap=True)
    for point in found.points:
        cells = (point.name, *map(_cell, (point.latency, point.rate, point.cost)))
        late = found.budget_ns and (point.latency.interval is None or point.latency.interval.high > found.budget_ns)
        mark = "least" if point is best else "too slow" if late else ""
        table.add_row(*map(Text, cells), Text(mark, "green" if point is best else ""))
    return table


def _cell(figure: Figure) -> str:
    unit = unit_for([figure])
    return f"{figure_text(figure, unit)} {unit.name}"
