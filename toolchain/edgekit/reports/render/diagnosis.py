"""What works on this machine, and licences, on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgekit.diagnosis import Diagnosis, LibraryState, Route
from edgekit.licenses import Licenses

_STYLES = {"fits": "", "other version": "yellow", "missing": "yellow"}


def print_diagnosis(diagnosis: Diagnosis, console: Console) -> None:
    """Show this machine, the libraries that edgekit uses, and what it can do with them."""
    console.print(Text(f"edgekit {diagnosis.edgekit} on Python {diagnosis.python}, {diagnosis.system}", "bold"))
    console.print(Text(f"run by {diagnosis.executable}"))
    if not diagnosis.python_fits:
        console.print(Text(f"warning: edgekit is made for Python {diagnosis.python_versions}", "yellow"))
    console.print()
    table = _table("library", "installed", "tried with", "")
    for library in diagnosis.libraries:
        state = "" if library.state == "fits" else library.state
        cells = (library.name, library.installed or "-", _tried(library), state)
        table.add_row(*(Text(cell, _STYLES[library.state]) for cell in cells))
    console.print(table)
    console.print()
    table = _table("here edgekit can", "")
    for route in diagnosis.routes:
        table.add_row(Text(route.does), Text(_outcome(route), "green" if route.works else "yellow"))
    console.print(table)


def print_licenses(licenses: Licenses, console: Console) -> None:
    """Show the licence of everything that comes onto a device."""
    table = _table("on the device", "version", "licence", "how it comes there")
    for entry in licenses.entries:
        licence = entry.license.value or f"unknown: {entry.license.reason}"
        table.add_row(*map(Text, (entry.name, entry.version or "-", licence, entry.how)))
    console.print(table)


def _tried(library: LibraryState) -> str:
    return library.versions.removeprefix("==") or "any"


def _outcome(route: Route) -> str:
    if route.reason:
        return f"no: {route.reason}"
    if not route.works:
        return f"no, {', '.join(route.missing)} missing: {route.command}"
    if route.untried:
        return f"yes, but {', '.join(route.untried)} is not as tried: {route.command}"
    return "yes"


def _table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for head in heads:
        table.add_column(head, overflow="fold")
    return table
