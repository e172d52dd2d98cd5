"""What a model is predicted to cost on every target, as a table on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgekit.estimating import Estimates
from edgekit.reports.render.estimate_words import MEMORY_UNCHECKED, ORDER, digits, ends, fit_words, in_bytes
from edgekit.reports.render.units import unit_for
from edgekit_runtime.figure import Figure
from edgekit_targets.estimate.estimate import Estimate


def print_targets(found: Estimates, console: Console) -> None:
    """Show what a model is predicted to cost on every target, and whether it fits there."""
    console.print(Text(f"{found.path}: predicted, not measured", style="bold"))
    console.print()
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for title in ("target", "fits", "latency", "memory", "energy"):
        table.add_column(title, no_wrap=True)
    reasons: dict[str, int] = {}
    for row in found.estimates:
        fit = row.fit if row.fit != "does not fit" else "no"
        cells = (
            f"{fit}{_mark(fit_words(row).replace(f'--target {row.target}', '--target TARGET'), reasons)}",
            _latency_cell(row, reasons),
            _memory_cell(row, reasons),
            _span(row.energy, reasons),
        )
        table.add_row(row.target, *cells)
    console.print(table)
    console.print()
    for reason, number in reasons.items():
        console.print(Text(f"[{number}] {reason}"))
    console.print(Text(f"Memory of a process: {MEMORY_UNCHECKED}."))


def _latency_cell(row: Estimate, reasons: dict[str, int]) -> str:
    """A range; of an accelerator its compiler's cycles, or what bounds the time."""
    if row.compilation is not None and row.compilation.cycles.value is not None:
        cycles = row.compilation.cycles
        return f"{cycles.value:,.0f} cycles{_mark(f'not checked: {cycles.method}', reasons)}"
    if row.latency.value is None and row.latency_range_ms is not None:
        low, high = ends(row.latency_range_ms, 1.0)
        why = ORDER if row.latency.reason.startswith(ORDER) else row.latency.reason
        return f"{low} to {high} ms{_mark(why, reasons)}{_doubts(row, reasons)}"
    if row.accelerated is not None and row.accelerated.least and row.accelerated.placement.operators.value:
        bound = row.accelerated.least[0].time
        return f"at least {_short_time(bound)}{_mark(f'{bound.method}; the rest: {row.latency.reason}', reasons)}"
    return f"{_span(row.latency, reasons)}{_doubts(row, reasons)}"


def _short_time(figure: Figure) -> str:
    unit = unit_for([figure])
    return f"{digits((figure.value or 0.0) / unit.size)} {unit.name}"


def _doubts(row: Estimate, reasons: dict[str, int]) -> str:
    """Marks of what a reader must know of a latency: such as that no published figure checks it."""
    return "".join(_mark(note, reasons) for note in row.notes)


def _memory_cell(row: Estimate, reasons: dict[str, int]) -> str:
    if row.compilation is not None and row.compilation.sram.value is not None:
        return f"{in_bytes(row.compilation.sram.value)} SRAM"
    return _span(row.memory.peak_rss, reasons)


def _span(figure: Figure, reasons: dict[str, int]) -> str:
    if figure.value is None or figure.interval is None:
        return _mark(figure.reason, reasons).strip()
    unit = unit_for([figure])
    low, high = ends(figure.interval, unit.size)
    return f"{low} to {high} {unit.name}"


def _mark(reason: str, reasons: dict[str, int]) -> str:
    return f" [{reasons.setdefault(reason, len(reasons) + 1)}]" if reason else ""
