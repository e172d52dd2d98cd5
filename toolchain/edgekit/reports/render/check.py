"""A check on a terminal: the verdict, what runs where, and each finding with its cost and fix."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from edgekit.reports.render.units import plain, unit_for
from edgekit_runtime.figure import Figure
from edgekit_targets.findings import NOT_COMPLETE, Check, Finding, Place

SHOWN_PLACES = 3
NAME_CHARACTERS = 48
STYLES = {"error": "red", "warning": "yellow"}


def print_check(check: Check, console: Console) -> None:
    """Print a check."""
    verdict = "fits" if check.fits else "does not fit"
    console.print(Text(f"{check.model} {verdict} {check.target}", "bold"))
    console.print(Padding(_grid(_summary(check)), (0, 0, 0, 2)))
    for finding in check.findings:
        console.print()
        _print_finding(finding, check, console)
    if not check.findings:
        console.print()
        console.print(Text(_nothing(check)))
    for note in check.notes:
        console.print()
        console.print(Text(f"Note: {note}."))


def _nothing(check: Check) -> str:
    if check.placement is not None and not check.placement.complete:
        return f"Nothing that is known speaks against it; {NOT_COMPLETE}."
    return "Nothing speaks against it."


def _summary(check: Check) -> list[tuple[str, str]]:
    rows = [("rules", check.rules)]
    placement = check.placement
    if placement is None:
        return rows
    there, macs = placement.operators.value or 0, placement.macs.value or 0
    parts = _counted(placement.partitions, "part")
    known = "" if placement.complete else f"{NOT_COMPLETE}; at most "
    share = _share(macs, check.macs)
    text = f"{known}{there:.0f} of {check.operators.value:.0f} operators, {share} of the MACs, in {parts}"
    rows.append(("on the accelerator", text))
    rows.append(("across the link", f"{_bytes(placement.link)} in an inference"))
    if placement.first_refused is not None:
        rows.append(("first refused", _place(placement.first_refused)))
    return rows


def _print_finding(finding: Finding, check: Check, console: Console) -> None:
    head = Text(f"{finding.severity} ", STYLES[finding.severity])
    head.append(finding.rule)
    if finding.places:
        head.append(f": {_kinds(finding.places)}")
    console.print(head)
    rows = [("reason", _sentence(finding.reason)), ("fix", finding.fix)]
    if _costs(finding, check):
        rows.append(("costs", _costs(finding, check)))
    if finding.places:
        rows.append(("where", _places(finding.places)))
    console.print(Padding(_grid(rows), (0, 0, 0, 2)))


def _kinds(places: tuple[Place, ...]) -> str:
    """The operators by name, with how many there are of each."""
    counts = Counter(place.name for place in places)
    return ", ".join(name if count == 1 else f"{name} x {count}" for name, count in counts.most_common())


def _costs(finding: Finding, check: Check) -> str:
    parts = []
    if finding.macs.value:
        where = "on the processor" if finding.partitions.available else "concerned"
        parts.append(f"{_share(finding.macs.value, check.macs)} of the MACs {where}")
    if finding.partitions.available and finding.places:
        parts.append(f"{_counted(finding.partitions, 'part')} on the accelerator")
        parts.append(f"{_bytes(finding.link)} across the link")
    elif finding.link.value:
        parts.append(f"{_bytes(finding.link)} across the link in each inference")
    text = ", ".join(parts)
    return f"alone: {text}" if text and check.placement is not None and finding.places else text


def _places(places: tuple[Place, ...]) -> str:
    shown = "; ".join(_place(place) for place in places[:SHOWN_PLACES])
    return shown + (f"; {len(places) - SHOWN_PLACES} more" if len(places) > SHOWN_PLACES else "")


def _place(place: Place) -> str:
    first = place.tensor.partition(";")[0]
    name = first if len(first) <= NAME_CHARACTERS else "..." + first[3 - NAME_CHARACTERS :]
    return f"operator {place.operator}, {place.name} ({name})"


def _share(part: float, whole: Figure) -> str:
    return f"{100 * part / whole.value:.1f} %" if whole.value else "none"


def _counted(figure: Figure, noun: str) -> str:
    count = figure.value or 0
    return f"{count:.0f} {noun}" if count == 1 else f"{count:.0f} {noun}s"


def _bytes(figure: Figure) -> str:
    unit = unit_for([figure])
    return f"{plain((figure.value or 0) / unit.size)} {unit.name}"


def _sentence(text: str) -> str:
    """With a capital, unless it begins with a name: names are followed by a colon, or all capitals."""
    first = text.partition(" ")[0]
    return text if first.isupper() or first.endswith(":") else text[:1].upper() + text[1:]


def _grid(rows: list[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in rows:
        table.add_row(Text(label), Text(text))
    return table
