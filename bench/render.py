"""Write the figures as Markdown."""

from __future__ import annotations

import math
import os
from importlib.metadata import PackageNotFoundError, version

from figures import TIMES, Row, Section, Target

from edgekit_runtime.environment import read_environment
from edgekit_runtime.figure import Figure

LIBRARIES = (
    "edgekit",
    "click",
    "numpy",
    "tensorflow",
    "keras",
    "ai-edge-quantizer",
    "ai-edge-litert",
    "torch",
    "litert-torch",
)
COLUMNS = "| what | edgekit | beside it | compared | target | verdict | n | how |"
RULE = "|---|---:|---:|---:|---|---|---:|---|"


def render_section(section: Section) -> str:
    """One benchmark: how it was measured, the commands, the table."""
    lines = [f"## {section.title}", "", section.method, "", "```console"]
    lines += [f"$ {command}" for command in section.commands]
    lines += ["```", "", COLUMNS, RULE, *map(render_row, section.rows)]
    return "\n".join(lines) + "\n"


def render_row(row: Row) -> str:
    """One line of a table."""
    compared = None if row.compared is row.edgekit else row.compared
    cells = (
        row.what,
        _figure(row.edgekit),
        "" if row.beside is None else _figure(row.beside),
        "" if compared is None else _compared(compared),
        "" if row.target is None else _target(row.target, row.compared),
        row.verdict,
        str(row.pairs),
        _how(row.edgekit, compared),
    )
    return "| " + " | ".join(cells) + " |"


def machine(load: float) -> list[str]:
    """Machine and versions, which hold for every row of a section."""
    environment = read_environment(f"ai-edge-litert {_version('ai-edge-litert')}", "xnnpack")
    cpu = environment.cpu.value or f"a processor without a name ({environment.cpu.reason})"
    memory = environment.memory_bytes.value
    parts = (
        f"{cpu}, {environment.cores} cores",
        "memory unknown" if memory is None else f"{memory / 1e9:.0f} GB of memory",
        environment.system,
        f"Python {environment.python}",
        f"load {load:.1f} when it began",
    )
    versions = (f"{name} {_version(name)}" for name in LIBRARIES)
    return [f"Machine: {', '.join(parts)}.", f"Versions: {', '.join(versions)}."]


def load_now() -> float:
    """Processes at work or waiting for it, averaged over the last minute."""
    return os.getloadavg()[0]


def _figure(figure: Figure) -> str:
    return figure.mode if figure.value is None else f"{_number(figure.value)} {figure.unit}"


def _compared(figure: Figure) -> str:
    if figure.value is None:
        return ""
    return f"{figure.value:.3f}x" if figure.unit == TIMES else f"{figure.value:+.2g} {figure.unit}"


def _how(figure: Figure, compared: Figure | None) -> str:
    if figure.value is None:
        return figure.reason
    return f"{figure.mode}, {figure.method}" + ("" if compared is None else f"; {compared.method}")


def _target(target: Target, compared: Figure | None) -> str:
    unit = "" if compared is None else compared.unit
    ends = [f"{end:g}x" if unit == TIMES else f"{end:g} {unit}" for end in (target.low, target.high)]
    if math.isinf(target.high):
        return f"at least {ends[0]}"
    return f"at most {ends[1]}" if math.isinf(target.low) else f"{ends[0]} to {ends[1]}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
