"""Every kind of model from each framework to each format by each scheme: as near to its source as it must be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.matrix.data import INPUTS
from tests.matrix.run import CELL_SCHEMES, FORMATS, Cell, run_framework, train

DOCUMENTED: dict[tuple[str, str, str, str], str] = {}


def _wrong(cell: Cell) -> str:
    reason = DOCUMENTED.get((cell.framework, cell.model, cell.model_format, cell.scheme))
    if reason is not None:
        return "" if re.search(reason, cell.refusal) else f"{cell} was to be refused with: {reason}"
    return "" if cell.good else str(cell)


@pytest.mark.slow
@pytest.mark.parametrize("framework", ["keras", "torch"])
def test_every_cell_holds_or_is_refused_as_documented(framework: str, tmp_path: Path) -> None:
    train(framework, tmp_path)
    cells = tuple(run_framework(framework, tmp_path))
    assert len(cells) == len(INPUTS) * len(FORMATS) * len(CELL_SCHEMES)
    assert [wrong for wrong in map(_wrong, cells) if wrong] == []


def test_the_page_tells_of_every_model_and_misses_none(repository: Path) -> None:
    page = (repository / "docs/support-matrix.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| model")]
    assert [row.split("|")[1].strip().replace(" ", "_") for row in rows] == 4 * list(INPUTS)
    assert "missed" not in page
    assert page.count("refused |") == len(DOCUMENTED)
