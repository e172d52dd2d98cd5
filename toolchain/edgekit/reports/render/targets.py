"""Targets on a terminal: a list of them, and one with all its figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from edgekit.reports.render.units import plain
from edgekit_targets.npu import NpuCompiler
from edgekit_targets.profile import Budgets, Caches, Profile, Speed
from edgekit_targets.sourced import Sourced

UNKNOWN = "unknown"
_UNITS = {
    "_kib": "KiB",
    "_mhz": "MHz",
    "_mb_s": "MB/s",
    "_mw": "mW",
    "_percent": "%",
    "_ms": "ms",
    "_us": "us",
    "_gops": "GOPS",
}
NO_RUNTIME = "none: edgekit's runtime does not run there; check, compile and predict only"
NO_FIGURES = ("caches", "speed", "compiler")  # shown by themselves
_WIDTHS = (22, 9, 11, 10, 13)  # of the list's columns but the last: 80 characters with it
_HEAD = ("target", "cores", "clock", "memory", "dot product", "recipe")


@dataclass(frozen=True)
class TargetRow:
    """A target in a list; what its profile does not say is `None`.

    Attributes:
        name: Its name.
        summary: One line on it.
        cores: How many cores it has.
        clock_mhz: Their highest clock as sold.
        ram_kib: Memory of the smallest board.
        dot_product: Whether the cores have dot-product instructions.
        recipe: What is done to a model where the user does not say.
    """

    name: str
    summary: str
    cores: int | None
    clock_mhz: float | None
    ram_kib: int | None
    dot_product: bool | None
    recipe: str


def target_row(profile: Profile) -> TargetRow:
    """What a list says of a target."""
    cpu, ram = profile.cpu, profile.memory.ram_kib
    return TargetRow(
        profile.name,
        profile.summary,
        cpu.cores.value if cpu.cores is not None else None,
        cpu.clock_mhz.value if cpu.clock_mhz is not None else None,
        ram.value if ram is not None else None,
        cpu.has("dotprod"),
        profile.recipe.name,
    )


def print_targets(rows: Sequence[TargetRow], console: Console) -> None:
    """Print a list of targets: a line of figures for each, and its summary below."""
    console.print(Text(_columns(_HEAD), "bold"))
    for row in rows:
        figures = (
            _amount(row.cores, ""),
            _amount(row.clock_mhz, "MHz"),
            _amount(row.ram_kib, "KiB"),
            {True: "yes", False: "no", None: UNKNOWN}[row.dot_product],
            row.recipe,
        )
        console.print(Text(_columns((row.name, *figures))))
        console.print(Padding(Text(row.summary, "dim"), (0, 0, 0, 2)))


def print_target(profile: Profile, console: Console) -> None:
    """Print a target: every figure with its unit, source and confidence, the notes, and what is not known."""
    known = [(key, figure) for key, figure in _figures(profile) if figure is not None]
    unknown = [key for key, figure in _figures(profile) if figure is None]
    console.print(Text(f"{profile.name}: {profile.summary}", "bold"))
    for rows in (
        _about(profile),
        [row for key, figure in known for row in _figure_rows(key, figure)],
        [(f"budgets.{key}", f"at most {_amount(limit, _unit(key))}") for key, limit in _limits(profile.budgets)],
        [("not known", ", ".join(unknown))] if unknown else [],
        [(f"[{key}]", citation) for key, citation in profile.sources.items()],
    ):
        if rows:
            console.print()
            console.print(_grid(rows))


def _about(profile: Profile) -> list[tuple[str, str]]:
    recipe = profile.recipe
    runtimes = [f"{runtime.name} {runtime.version}, {runtime.format}" for runtime in profile.runtimes] or [NO_RUNTIME]
    return [
        ("boards", ", ".join(profile.boards) or "any"),
        *(("runtime", runtime) for runtime in runtimes),
        ("recipe", f"{recipe.name} ({recipe.confidence}) [{recipe.source}]"),
        ("", recipe.reason),
        *(
            _about_compiler(profile.npu.compiler)
            if profile.npu is not None and profile.npu.compiler is not None
            else []
        ),
    ]


def _about_compiler(compiler: NpuCompiler) -> list[tuple[str, str]]:
    told = [compiler.accelerator, compiler.system_config, compiler.memory_mode]
    rows = [("compiler", f"{', '.join(filter(None, told))} ({compiler.confidence}) [{compiler.source}]")]
    return [*rows, ("", compiler.note)] if compiler.note else rows


def _figure_rows(key: str, figure: Sourced[object]) -> list[tuple[str, str]]:
    match figure.value:
        case tuple():
            value = ", ".join(figure.value)
        case int() | float():
            value = _amount(figure.value, _unit(key))
        case _:
            value = str(figure.value)
    rows = [(key, f"{value} ({figure.confidence}) [{figure.source}]")]
    return [*rows, ("", figure.note)] if figure.note else rows


def _figures(profile: Profile) -> Iterator[tuple[str, Sourced[object] | None]]:
    """Each figure under its key in TOML; `None` where the profile does not say."""
    parts = {
        "cpu": profile.cpu,
        "cpu.caches": profile.cpu.caches or Caches(),
        "cpu.speed": profile.cpu.speed or Speed(),
        "memory": profile.memory,
        "npu": profile.npu,
        "link": profile.link,
        "power": profile.power,
    }
    for part, figures in parts.items():
        for name, figure in vars(figures).items() if figures is not None else ():
            if isinstance(figure, Sourced) or (figure is None and name not in NO_FIGURES):
                yield f"{part}.{name}", figure


def _limits(budgets: Budgets) -> list[tuple[str, float]]:
    return [(name, limit) for name, limit in vars(budgets).items() if limit is not None]


def _grid(rows: Sequence[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in rows:
        table.add_row(Text(label), Text(text))
    return table


def _columns(cells: Sequence[str]) -> str:
    return "".join(cell.ljust(width) for cell, width in zip(cells, (*_WIDTHS, 0), strict=True))


def _unit(key: str) -> str:
    return next((unit for ending, unit in _UNITS.items() if key.endswith(ending)), "")


def _amount(value: float | None, unit: str) -> str:
    """A number with its unit; whole MiB and GiB as such."""
    if value is None:
        return UNKNOWN
    for larger in ("MiB", "GiB"):
        if unit in ("KiB", "MiB") and value % 1024 == 0:
            value, unit = value / 1024, larger
    return f"{plain(value)} {unit}".rstrip()
