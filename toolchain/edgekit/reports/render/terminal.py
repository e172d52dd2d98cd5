"""Reports and comparisons on a terminal, readable at 80 columns and without colour."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgekit.reports.compare import Change, Comparison
from edgekit.reports.gate import GateResult
from edgekit.reports.render.conditions import conditions_text
from edgekit.reports.render.operators import operators_table
from edgekit.reports.render.points import points_table
from edgekit.reports.render.quality import quality_rows
from edgekit.reports.render.units import Unit, figure_text, unit_for
from edgekit.reports.render.words import Footnotes, caption, change_words
from edgekit.reports.report import Report, Verdict
from edgekit_runtime.conditions import POINTS
from edgekit_runtime.figure import Figure, measured
from edgekit_runtime.pace import sustained_words
from edgekit_runtime.points import choice_words
from edgekit_runtime.summary import NamedFigure

_STYLES = {
    "better": "green",
    "worse": "red",
    "fits": "green",
    "over": "red",
    "passed": "green",
    "undecided": "yellow",
    "failed": "red",
}
# What these mean depends on how they were found.
_METHODS_SHOWN = ("arena_size", "energy", "operators_share", "latency_drift")
_MODES_EXPLAINED = ("simulated", "predicted")  # likewise
_FIGURE_WIDTH, _CHANGE_WIDTH = 14, 26  # with the longest metric and the gaps: 80 columns


class _Footnotes(Footnotes):
    def mark(self, reason: str) -> str:
        """The mark that stands in the cell."""
        return f"[{self.number(reason)}]"

    def print(self, console: Console) -> None:
        """Print the reasons below the table."""
        for number, reason in enumerate(self.reasons, start=1):
            _line(console, f"[{number}] {reason}")


def print_comparison(comparison: Comparison, console: Console, gate: GateResult | None = None) -> None:
    """Print a comparison: a legend, a table for each report after the first, and what speaks against them."""
    letters = [chr(ord("A") + index) if index < 26 else str(index + 1) for index in range(len(comparison.sides))]
    notes = _Footnotes()
    console.print(_legend(comparison, letters))
    for index in range(1, len(comparison.sides)):
        console.print()
        console.print(_table(comparison, index, letters, notes))
    console.print()
    notes.print(console)
    figures = [figure for row in comparison.rows for figure in row.figures]
    _line(console, caption(figures))
    for warning in comparison.warnings:
        _line(console, f"warning: {warning}", "yellow")
    if gate is not None:
        _print_gate(gate, console)


def print_report(report: Report, console: Console) -> None:
    """Print a report: what was measured where, the figures with their budgets, the model's quality, the notes."""
    record, environment = report.record, report.record.environment
    where = environment.board.value or environment.cpu.value or environment.machine
    threads = f"{record.settings.threads} thread{'s' if record.settings.threads > 1 else ''}"
    if record.settings.pin:
        threads += f" on core{'' if record.settings.pin.isdecimal() else 's'} {record.settings.pin}"
    _line(console, f"{record.model.name}, {record.model.scheme}, on {where} (target {report.target})", "bold")
    batch = f", batches of {record.settings.batch}" if record.settings.batch > 1 else ""
    ways = f"{len(record.runs)} processes" if record.counts is None else f"counted by {environment.system}"
    _line(console, f"{environment.interpreter}, {environment.kernels}, {threads}{batch}, {ways}")
    notes = _Footnotes()
    console.print()
    console.print(_report_table(report, notes))
    console.print()
    notes.print(console)
    _line(console, caption([named.figure for named in report.figures]))
    if report.record.throughput is not None and report.record.throughput.rows:
        _line(console, "throughput_NxM: inferences in a second by N interpreters side by side, with M threads each.")
    console.print()
    if report.record.operators is not None and report.record.operators.rows:
        console.print(operators_table(report.record.operators))
        console.print()
    points = report.record.points
    if points is not None and points.points and not report.record.invalid(POINTS):
        console.print(points_table(points))
        console.print()
    console.print(_checks(report))
    for note in report.notes:
        _line(console, f"note: {note}", "yellow")


def _legend(comparison: Comparison, letters: Sequence[str]) -> Table:
    legend = Table.grid(padding=(0, 2))
    for letter, side in zip(letters, comparison.sides, strict=True):
        legend.add_row(letter, Text(side.label), Text(f"{side.model}, {side.scheme}, on {side.board}"))
    return legend


def _table(comparison: Comparison, index: int, letters: Sequence[str], notes: _Footnotes) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("", no_wrap=True)
    for shown in (0, index):
        head = Text(f"{letters[shown]} {comparison.sides[shown].label}")
        head.truncate(_FIGURE_WIDTH, overflow="ellipsis")
        table.add_column(head, justify="right", no_wrap=True, min_width=_FIGURE_WIDTH)
    table.add_column(f"{letters[index]} against {letters[0]}")
    for row in comparison.rows:
        shown_figures = (row.figures[0], row.figures[index])
        unit = unit_for(shown_figures)
        name = f"{row.metric} [{unit.name}]" if unit.name else row.metric
        cells = [_cell(figure, unit, notes) for figure in shown_figures]
        table.add_row(Text(name), *cells, _change(row.changes[index - 1], unit, notes))
    return table


def _cell(figure: Figure, unit: Unit, notes: _Footnotes) -> Text:
    if figure.value is None:
        return Text(f"missing {notes.mark(figure.reason)}", "yellow")
    text, mode = figure_text(figure, unit), "" if figure.mode == "measured" else figure.mode
    gap = "\n" if len(text) + len(mode) >= _FIGURE_WIDTH else " "
    return Text(f"{text}{gap}{mode}" if mode else text)


def _change(change: Change, unit: Unit, notes: _Footnotes) -> Text:
    figure = change.figure
    if figure.value is None:
        return Text(f"unknown {notes.mark(figure.reason)}", "yellow")
    words, ends = change_words(change, unit)
    parts = [words, ends] if ends else [words]
    gap = ", " if sum(map(len, parts)) + 2 <= _CHANGE_WIDTH else ",\n"
    return Text(gap.join(parts), _STYLES.get(change.verdict, ""))


def _print_gate(gate: GateResult, console: Console) -> None:
    _line(console, f"gate {gate.condition}: {gate.outcome}", f"bold {_STYLES[gate.outcome]}")
    for judgement in gate.judgements:
        _line(console, f"  {judgement.label}: {judgement.outcome}, {judgement.reason}")


def _report_table(report: Report, notes: _Footnotes) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    if report.verdicts:
        table.add_column("budget", justify="right", no_wrap=True)
        table.add_column("")
    verdicts = {verdict.metric: verdict for verdict in report.verdicts}
    for named in report.figures:
        unit = unit_for([named.figure])
        cell = _report_cell(named, unit, notes)
        budget = _budget(verdicts.get(named.name), notes) if verdicts else ()
        table.add_row(Text(named.name), cell, *budget)
    return table


def _report_cell(named: NamedFigure, unit: Unit, notes: _Footnotes) -> Text:
    figure = named.figure
    if figure.value is None:
        return _cell(figure, unit, notes)
    mode = "" if figure.mode == "measured" else f" {figure.mode}"
    shown = named.name in _METHODS_SHOWN or figure.mode in _MODES_EXPLAINED
    mark = f" {notes.mark(figure.method)}" if shown else ""
    return Text(f"{figure_text(figure, unit)} {unit.name}{mode}{mark}")


def _budget(verdict: Verdict | None, notes: _Footnotes) -> tuple[Text, Text]:
    if verdict is None:
        return Text(), Text()
    limit = measured(verdict.limit, verdict.unit, "budget")
    unit = unit_for([limit])
    mark = f" {notes.mark(verdict.reason)}" if verdict.reason else ""
    style = _STYLES.get(verdict.outcome, "yellow")
    return Text(f"{figure_text(limit, unit)} {unit.name}"), Text(verdict.outcome + mark, style)


def _checks(report: Report) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    surroundings = [("golden outputs", _golden(report)), ("conditions", conditions_text(report.record))]
    if report.record.sustained is not None:
        surroundings.append(("without a rest", sustained_words(report.record.sustained)))
    if report.record.points is not None:
        found = report.record.invalid(POINTS) or choice_words(report.record.points)
        surroundings.append(("operating point", found))
    for label, text in (*quality_rows(report.evaluation), *surroundings):
        table.add_row(Text(label), Text(text))
    return table


def _golden(report: Report) -> str:
    golden = report.record.golden
    if golden.samples == 0:
        return f"not checked: {golden.reason}"
    return (
        f"{golden.samples} samples within tolerance "
        f"(worst {golden.worst:.3g}, allowed {golden.limit:.3g} {golden.unit})"
    )


def _line(console: Console, text: str, style: str = "") -> None:
    """Text as it is: file names and reasons hold no markup, and no number in them is dressed up."""
    console.print(Text(text, style))
