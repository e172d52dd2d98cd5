"""What `edgekit inspect` says of odd files: the table in tricky-models.md, made anew or held against the code.

Run as `python docs/tricky_models.py ASSETS [--check]`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from edgekit.inspecting import Inspection, inspect
from edgekit_runtime.errors import EdgekitError

PAGE = Path(__file__).with_name("tricky-models.md")
SECTION = "## inspect"


def section(assets: Path) -> str:
    """The table of all odd files, with what leads to it."""
    files = [path for path in sorted((assets / "tricky").rglob("*")) if path.is_file()]
    rows = [_row(path, assets) for path in files]
    looked_into = sum(": " not in row for row in rows)
    return "\n".join(
        (
            SECTION,
            "",
            f"{len(rows)} files that others made to try loaders with: old opsets, custom and unknown operators, texts,",
            "sub-graphs, open shapes, damage. A lower bound of MACs (>=) leaves out the operators that are named.",
            f"{looked_into} are looked into; each of the others ends in one line.",
            "",
            "| file | operators | MACs | remarkable |",
            "|---|---|---|---|",
            *rows,
            "",
        )
    )


def replaced(page: str, part: str) -> str:
    """The page with its section replaced, or added at its end."""
    before, found, after = page.partition(f"{SECTION}\n")
    _, following, rest = after.partition("\n## ")
    return before.rstrip() + "\n\n" + part + (f"\n## {rest}" if found and following else "")


def _row(path: Path, assets: Path) -> str:
    name = path.relative_to(assets / "tricky").as_posix()
    try:
        inspection = inspect(path)
    except EdgekitError as error:
        told = error.message.replace(f"{path}: ", "")
        return f"| `{name}` | | | refused: {told.partition(';')[0].rstrip('.')} |"
    graph = inspection.graph
    macs = f"{'>= ' if graph.not_counted else ''}{graph.macs.value or 0:,.0f}"
    return f"| `{name}` | {sum(row.count for row in graph.operators)} | {macs} | {'; '.join(_remarks(inspection))} |"


def _remarks(inspection: Inspection) -> Iterator[str]:
    graph = inspection.graph
    custom = [row.name for row in graph.operators if row.custom]
    unknown = [row.name for row in graph.operators if row.macs.value is None and not row.custom]
    if custom:
        yield f"custom {', '.join(custom)}"
    if unknown:
        yield f"MACs of {', '.join(unknown)} unknown"
    if graph.dynamic_tensors:
        yield f"open shapes: {graph.dynamic_tensors}"
    if graph.graphs > 1:
        yield f"{graph.graphs} graphs"
    yield from graph.notes


def main(arguments: list[str]) -> int:
    """Write the page, or tell whether it is out of date."""
    page, part = PAGE.read_text(encoding="utf-8"), section(Path(arguments[0]))
    if "--check" not in arguments:
        PAGE.write_text(replaced(page, part), encoding="utf-8")
        return 0
    if part not in page:
        print(f"{PAGE.name} is out of date: run python docs/tricky_models.py ASSETS", file=sys.stderr)
    return int(part not in page)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
