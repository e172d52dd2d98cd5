"""What a model is predicted to cost on every target, as a table on a terminal."""

from __future__ import annotations

from dataclasses import replace

from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgekit.estimating import Estimates
from edgekit.reports.render.estimate_words import (
    ACCURACY,
    MEMORY_UNCHECKED,
    ORDER,
    digits,
    ends,
    fit_words,
    in_bytes,
    is_predicted,
    price_words,
)
from edgekit.reports.render.units import unit_for
from edgekit_runtime.figure import Figure, Interval
from edgekit_targets.estimate.estimate import Estimate
from edgekit_targets.estimate.price import Price
from edgekit_targets.fixes import COSTS

THEN = "then"
BEHIND_THEN = f"{THEN}: predicted for the model with the fix, and so is the memory of that row. {ACCURACY}"
NO_ENERGY = "Energy is told of none: that takes a measurement on the board, and --measured."


def print_targets(found: Estimates, console: Console) -> None:
    """Show what a model is predicted to cost on every target, whether it fits there, and what the fix takes."""
    console.print(Text(f"{found.path}: predicted, not measured", style="bold"))
    console.print()
    marks = _Marks()
    energy = any(row.energy.available for row in found.estimates)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for title in ("target", "fits", "price", "latency", "memory", *(["energy"] if energy else [])):
        table.add_column(title, no_wrap=title not in ("price", "latency"))
    for row in found.estimates:
        table.add_row(row.target, *_cells(row, marks), *([marks.span(row.energy)] if energy else []))
    console.print(table)
    console.print()
    for number, reason in enumerate(marks.reasons, 1):
        console.print(Text(f"[{number}] {reason}"))
    if any(_then(row) is not None for row in found.estimates):
        console.print(Text(BEHIND_THEN))
    console.print(Text(f"Memory of a process: {MEMORY_UNCHECKED}."))
    if not energy:
        console.print(Text(NO_ENERGY))


class _Marks:
    """Numbers of what is told beneath the table, each once."""

    def __init__(self) -> None:
        self.reasons: dict[str, int] = {}

    def of(self, *reasons: str) -> str:
        """Such as ` [1,3]`; empty without a reason."""
        numbers = [self.reasons.setdefault(reason, len(self.reasons) + 1) for reason in reasons if reason]
        return f" [{','.join(map(str, numbers))}]" if numbers else ""

    def span(self, figure: Figure) -> str:
        """A range, or why there is none."""
        if figure.value is None or figure.interval is None:
            return self.of(figure.reason).strip()
        unit = unit_for([figure])
        low, high = ends(figure.interval, unit.size)
        return f"{low} to {high} {unit.name}"


def _cells(row: Estimate, marks: _Marks) -> tuple[str, str, str, str]:
    """Whether it fits, what the fix takes, latency and memory: those with the fix, where that is known."""
    fit = f"{'no' if row.fit == 'does not fit' else row.fit}{marks.of(*_why(row))}"
    price = "" if row.price is None else _price(row.price)
    then = _then(row)
    if then is None:
        return fit, price, _latency_cell(row, marks), _memory_cell(row, marks)
    return fit, price, f"{THEN} {_latency_then(then, marks)}", marks.span(then.memory)


def _price(price: Price) -> str:
    """What it takes in a word or two: samples go without saying that the source is converted with them."""
    words = dict.fromkeys(COSTS[need].word for need in price.needs)
    return " + ".join(word for word in words if word != COSTS["convert"].word or len(words) == 1)


def _then(row: Estimate) -> Price | None:
    """The price of a model that does not fit, where it says what the model costs with the fix."""
    return row.price if row.price is not None and is_predicted(row.price) else None


def _why(row: Estimate) -> tuple[str, ...]:
    """Why it fits or not, with fix and price; and what a reader must know of a model that fits with the fix."""
    words = fit_words(row).replace(f"--target {row.target}", "--target TARGET")
    if row.price is None or row.fit != "does not fit":
        return (words,)
    known = row.price.fit_reason if row.price.fit == "fits" else ""
    return f"{words} Price: {price_words(replace(row.price, fit_reason='') if known else row.price)}.", known


def _latency_then(price: Price, marks: _Marks) -> str:
    if price.latency.value is None and price.latency_range_ms is not None:
        return _order(price.latency.reason, price.latency_range_ms, marks)
    return marks.span(price.latency)


def _latency_cell(row: Estimate, marks: _Marks) -> str:
    """A range; of an accelerator its compiler's cycles, or what bounds the time."""
    if row.compilation is not None and row.compilation.cycles.value is not None:
        cycles = row.compilation.cycles
        return f"{cycles.value:,.0f} cycles{marks.of(f'not checked: {cycles.method}')}"
    if row.latency.value is None and row.latency_range_ms is not None:
        return _order(row.latency.reason, row.latency_range_ms, marks, row.notes)
    if row.accelerated is not None and row.accelerated.least and row.accelerated.placement.operators.value:
        bound = row.accelerated.least[0].time
        return f"at least {_short_time(bound)}{marks.of(f'{bound.method}; the rest: {row.latency.reason}')}"
    return f"{marks.span(row.latency)}{marks.of(*row.notes)}"


def _order(reason: str, span: Interval, marks: _Marks, notes: tuple[str, ...] = ()) -> str:
    """A range alone, with why there is no value, and what a reader must know of it."""
    low, high = ends(span, 1.0)
    return f"{low} to {high} ms{marks.of(ORDER if reason.startswith(ORDER) else reason, *notes)}"


def _short_time(figure: Figure) -> str:
    unit = unit_for([figure])
    return f"{digits((figure.value or 0.0) / unit.size)} {unit.name}"


def _memory_cell(row: Estimate, marks: _Marks) -> str:
    if row.compilation is not None and row.compilation.sram.value is not None:
        return f"{in_bytes(row.compilation.sram.value)} SRAM"
    return marks.span(row.memory.peak_rss)
