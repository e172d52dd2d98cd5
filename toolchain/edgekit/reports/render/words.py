"""Words that comparisons are told in, on a terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.reports.compare import Change
from edgekit.reports.render.units import Unit, difference_text, ratio_text
from edgekit_runtime.figure import Figure


class Footnotes:
    """Reasons that do not fit into a table's cell, numbered from 1 as they come."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def number(self, reason: str) -> int:
        """The number that stands in the cell; the same reason has the same number."""
        if reason not in self.reasons:
            self.reasons.append(reason)
        return self.reasons.index(reason) + 1


def change_words(change: Change, unit: Unit) -> tuple[str, str]:
    """What a known change says, and the ends of its interval; the ends are empty where it has none.

    Args:
        change: The change, with a value.
        unit: The unit that its row is shown in.
    """
    figure = change.figure
    assert figure.value is not None
    if figure.unit == "ratio":
        value, ends = ratio_text(figure.value, figure.interval)
        words = f"{value}x {change.verdict}"
    else:
        name = "points" if figure.unit == "share" else unit.name
        value, ends = difference_text(figure.value, figure.interval, unit)
        words, ends = f"{value} {name} {change.verdict}", f"{ends} {name}" if ends else ""
    return (change.verdict if change.verdict == "no significant difference" else words), ends


def caption(figures: Sequence[Figure]) -> str:
    """How the figures of a table came about, and what their numbers mean."""
    modes = sorted({figure.mode for figure in figures if figure.available})
    said = f"All figures are {modes[0]}" if len(modes) == 1 else "Figures are measured where nothing else is said"
    return f"{said}; intervals are 95 % intervals; kB and MB are decimal."
