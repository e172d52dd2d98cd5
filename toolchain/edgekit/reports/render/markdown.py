"""Comparisons as Markdown, for a pull request on GitHub."""

from __future__ import annotations

import re
from collections.abc import Sequence

from edgekit.reports.compare import Change, Comparison, Row, Side
from edgekit.reports.gate import GateResult
from edgekit.reports.render.units import Unit, figure_text, unit_for
from edgekit.reports.render.words import Footnotes, caption, change_words
from edgekit_runtime.figure import Figure

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~@])")
_BOLD = ("better", "worse")


def comparison_markdown(comparison: Comparison, gate: GateResult | None = None) -> str:
    """A comparison as one table, a column for each report, with footnotes, warnings and a gate's judgement."""
    notes = Footnotes()
    table = _table(comparison, notes)
    sides = [_side(side) for side in comparison.sides]
    reasons = [f"[^{number}]: {_plain(reason)}" for number, reason in enumerate(notes.reasons, start=1)]
    figures = [figure for row in comparison.rows for figure in row.figures]
    warnings = [f"- **warning:** {_plain(warning)}" for warning in comparison.warnings]
    parts = (_gate(gate), table, sides, [caption(figures)], warnings, reasons)
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


def _table(comparison: Comparison, notes: Footnotes) -> list[str]:
    heads = ["", *(_plain(side.label) for side in comparison.sides)]
    rule = ["---", *("---:" for _ in comparison.sides)]
    return [_line(heads), _line(rule), *(_line(_cells(row, notes)) for row in comparison.rows)]


def _cells(row: Row, notes: Footnotes) -> list[str]:
    unit = unit_for(row.figures)
    name = f"{row.metric} [{unit.name}]" if unit.name else row.metric
    first, *others = (_figure(figure, unit, notes) for figure in row.figures)
    changes = [_change(change, unit, notes) for change in row.changes]
    return [_plain(name), first, *(f"{cell}<br>{change}" for cell, change in zip(others, changes, strict=True))]


def _figure(figure: Figure, unit: Unit, notes: Footnotes) -> str:
    if figure.value is None:
        return f"missing[^{notes.number(figure.reason)}]"
    return figure_text(figure, unit) + ("" if figure.mode == "measured" else f" {figure.mode}")


def _change(change: Change, unit: Unit, notes: Footnotes) -> str:
    if change.figure.value is None:
        return f"unknown[^{notes.number(change.figure.reason)}]"
    words, ends = change_words(change, unit)
    said = f"**{words}**" if change.verdict in _BOLD else words
    return f"{said} ({ends})" if ends else said


def _side(side: Side) -> str:
    return f"- {_plain(side.label)}: {_plain(side.model)}, {_plain(side.scheme)}, on {_plain(side.board)}"


def _gate(gate: GateResult | None) -> list[str]:
    if gate is None:
        return []
    judged = [f"- {_plain(each.label)}: {each.outcome}, {_plain(each.reason)}" for each in gate.judgements]
    return [f"**Gate `{gate.condition}`: {gate.outcome}**", "", *judged]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    """Text as it is: names and reasons hold no markup, and end no table's cell."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
