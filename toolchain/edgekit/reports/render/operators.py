"""The operators that take longest, on a terminal."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from edgekit_runtime.readings import OperatorTime, OperatorTimes

SHOWN = 10
LABEL_CHARACTERS = 50


def operators_table(times: OperatorTimes) -> Table:
    """The longest operators with their share of an inference, and the others together."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for head in ("operator", "time", "share"):
        table.add_column(head, justify="left" if head == "operator" else "right", no_wrap=True)
    longest = sorted(times.rows, key=lambda row: -row.time_ns)
    for row in longest[:SHOWN]:
        _add(table, _label(row), row.time_ns, times)
    others = longest[SHOWN:]
    if others:
        _add(table, f"{len(others)} others", sum(row.time_ns for row in others), times)
    return table


def _add(table: Table, label: str, time_ns: float, times: OperatorTimes) -> None:
    table.add_row(Text(label), f"{time_ns / 1e3:.1f} µs", f"{time_ns / times.whole_ns:.1%}")


def _label(row: OperatorTime) -> str:
    text = " ".join(part for part in (f"#{row.place}", row.kind, row.name) if part)
    return text if len(text) <= LABEL_CHARACTERS else f"{text[: LABEL_CHARACTERS - 3]}..."
