"""What a model is predicted to cost on one target, as a page on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgekit.estimating import Estimates
from edgekit.reports.render.accelerated import accelerator_fixes, accelerator_rows, accelerator_widths
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
from edgekit_runtime.figure import Figure
from edgekit_targets.estimate.estimate import Compilation, Estimate, OperatorEstimate
from edgekit_targets.estimate.fit import Outcome
from edgekit_targets.estimate.memory import KIB, AliveBlock
from edgekit_targets.estimate.price import Price
from edgekit_targets.estimate.remedies import Remedy

SHOWN_OPERATORS = 8
SHOWN_ALIVE = 3
NAME_CHARACTERS = 30
MEGABYTE = 1e6
SCRATCH = "scratch memory"
WORDS = {"1/s": "inferences a second"}
BOUNDS = {
    "compute": "computing",
    "cache": "filling the first cache",
    "memory": "main memory",
    "overhead": "starting operators",
    "sram": "the memory on the chip",
    "flash": "the flash",
    "dram": "the DRAM",
    "link": "the link",
    "crossing": "starting the accelerator",
    "processor": "the processor",
}
Rows = list[tuple[str, str]]


def print_estimate(found: Estimates, console: Console) -> None:
    """Show what a model is predicted to cost on one target: figures, bottlenecks, remedies."""
    row = found.estimates[0]
    console.print(Text(f"{found.path} on {row.target}: predicted, not measured", style="bold"))
    console.print(Text(_conditions(found, row)))
    console.print()
    console.print(_grid(_figures(row)))
    for title, rows in (("Time", _time(row)), ("Memory", _memory(row)), ("Energy", _energy(row))):
        console.print()
        console.print(Text(title, style="bold"))
        console.print(_grid(rows))
        if title == "Time" and row.operators:
            console.print(_operators(row.operators))
    _print_remedies(row, console)
    for note in row.notes:
        console.print()
        console.print(Text(f"Note: {note}."))


def _conditions(found: Estimates, row: Estimate) -> str:
    if row.accelerated is not None and row.operators:
        return f"{row.runtime}; {row.precision}; {row.method} operator by operator, by the figures of the profile"
    if not row.operators:
        return "; ".join(part for part in (row.precision, f"{row.method} from the operator list") if part)
    clock = "" if row.clock_mhz is None else f" at {row.clock_mhz:g} MHz"
    threads = f"{row.threads} thread{'' if row.threads == 1 else 's'}"
    how = f"{row.method} from the operator list, table {row.table}"
    scaled = f"; scaled by the measurement of {found.measured}" if found.measured else ""
    return f"{row.runtime}, {threads}{clock}; {row.precision}; {how}{scaled}"


def _figures(row: Estimate) -> Rows:
    allowed = "" if row.memory.limit_kib is None else f"; {row.memory.limit_kib * KIB / MEGABYTE:.0f} MB allowed"
    fit = f"{row.fit}: {fit_words(row)}" if fit_words(row) else row.fit
    compiled = row.compilation
    return [
        *([("compiler", _compiler(compiled))] if compiled is not None else []),
        ("latency", _latency(row)),
        ("throughput", _text(row.throughput)),
        ("model memory", _text(row.memory.model_memory)),
        ("process", _text(row.memory.peak_rss) + allowed),
        ("energy", _text(row.energy)),
        ("fit", fit),
        *([("price", _price(row.price, row.fit))] if row.price is not None else []),
    ]


def _price(price: Price, fit: Outcome) -> str:
    """What the fix takes, and what the model costs then; alone where it is about finding out whether the model fits."""
    if fit == "unknown" and not is_predicted(price):
        return price.words
    costs = []
    if price.latency_range_ms is not None:
        low, high = ends(price.latency_range_ms, 1.0)
        costs.append(f"{low} to {high} ms")
    if price.memory.interval is not None:
        low, high = ends(price.memory.interval, MEGABYTE)
        costs.append(f"a process of {low} to {high} MB")
    if not costs:
        return price_words(price)
    return f"{price_words(price)}; predicted: {', '.join(costs)}. {ACCURACY}"


def _latency(row: Estimate) -> str:
    if row.latency.value is None and row.latency_range_ms is not None and not row.latency.reason.startswith(ORDER):
        low, high = ends(row.latency_range_ms, 1.0)
        return f"{low} to {high} ms; {row.latency.reason}"
    return _text(row.latency)


def _compiler(compiled: Compilation) -> str:
    if compiled.cycles.value is None or compiled.sram.value is None:
        return compiled.cycles.reason
    return f"{compiled.cycles.value:,.0f} cycles, {in_bytes(compiled.sram.value)} of SRAM ({compiled.cycles.method})"


def _time(row: Estimate) -> Rows:
    timed = bool(row.operators)
    known = [] if row.accelerated is None else [*accelerator_rows(row.accelerated, row.compilation, timed=timed)]
    if not timed:
        return [*known, ("not told", row.latency.reason)]
    limits = ", ".join(f"{BOUNDS[part.bound]} {_percent(part.share)}" for part in row.bounds)
    heavy = row.operators[:SHOWN_OPERATORS]
    share = sum(operator.share.value or 0.0 for operator in heavy)
    return [
        *known,
        ("goes to", limits),
        ("heaviest", f"{100 * share:.0f} % of the time in {len(heavy)} of {len(row.operators)} operators:"),
    ]


def _operators(operators: Sequence[OperatorEstimate]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for title, justify in (("share", "right"), ("most of it", "left"), ("MACs", "right"), ("moved", "right")):
        table.add_column(title, justify="right" if justify == "right" else "left", no_wrap=True)
    table.add_column("operator", overflow="fold")
    for row in operators[:SHOWN_OPERATORS]:
        moved = in_bytes(row.moved_bytes)
        name = f"{row.place} {row.name}"
        table.add_row(_percent(row.share), row.bound, f"{row.macs / MEGABYTE:.1f} M", moved, Text(name))
    return table


def _memory(row: Estimate) -> Rows:
    arena = row.memory.arena
    if arena.value is None:
        return [("not told", arena.reason)]
    alive = [f"{_short(block)} {in_bytes(block.size_bytes)}" for block in row.memory.alive[:SHOWN_ALIVE]]
    more = len(row.memory.alive) - len(alive)
    others = f", {more} smaller" if more else ""
    where = f" at {row.memory.peak_operator}" if row.memory.peak_operator else ""
    alone = "" if row.accelerated is None else ", were the processor to run all of it"
    rows = [("activations", f"{in_bytes(arena.value)}{alone}; the most{where}: {', '.join(alive)}{others}")]
    return [*rows, ("process", MEMORY_UNCHECKED)] if row.memory.peak_rss.available else rows


def _energy(row: Estimate) -> Rows:
    if row.energy.value is None:
        return [("goes", "where the time goes; how much is not told")]
    return [("goes", "where the time goes: the power model knows busy and idle cores alone")]


def _print_remedies(row: Estimate, console: Console) -> None:
    console.print()
    console.print(Text("What would help", style="bold"))
    found = [_remedy(remedy) for remedy in row.remedies]
    if row.accelerated is not None:
        fixes = accelerator_fixes(row.accelerated, timed=bool(row.operators))
        found = [*fixes, *found, *accelerator_widths(row.accelerated)]
    for number, text in enumerate(found, 1):
        console.print(Text(f"{number}. {text}"))
    if not found:
        console.print("Nothing is known here.")


def _remedy(remedy: Remedy) -> str:
    flag = f" ({remedy.flag})" if remedy.flag else ""
    if remedy.gain.interval is None:
        won = f"{remedy.gains}: {remedy.gain.reason}"
    else:
        low, high = ends(remedy.gain.interval, 1.0)
        won = f"{low} to {high} times less {remedy.gains}"
    return f"{remedy.what}{flag}: {won}; {remedy.reason}"


def _text(figure: Figure) -> str:
    if figure.value is None or figure.interval is None:
        return f"not told: {figure.reason}"
    unit = unit_for([figure])
    low, high = ends(figure.interval, unit.size)
    return f"{low} to {high} {WORDS.get(unit.name, unit.name)}, about {digits(figure.value / unit.size)}"


def _percent(share: Figure) -> str:
    return f"{100 * (share.value or 0.0):.0f} %"


def _short(block: AliveBlock) -> str:
    first = block.name.partition(";")[0] or SCRATCH
    return first if len(first) <= NAME_CHARACTERS else "..." + first[3 - NAME_CHARACTERS :]


def _grid(rows: Rows) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in rows:
        table.add_row(Text(label), Text(text))
    return table
