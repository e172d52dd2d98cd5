"""Every tricky .onnx file ends in a bundle or in one clear line, as docs/tricky-models.md says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.tricky_onnx import outcomes, table

pytestmark = pytest.mark.slow


def test_every_tricky_file_ends_as_the_table_says(assets: Path, repository: Path) -> None:
    found = list(outcomes(assets / "tricky/onnx"))
    assert len(found) == 50
    assert all(one.line and "\n" not in one.line for one in found)
    document = (repository / "docs/tricky-models.md").read_text(encoding="utf-8")
    rows = {row.rsplit("|", 2)[0] for row in document.splitlines() if row.startswith("| `")}
    assert {row.rsplit("|", 2)[0] for row in table(found).splitlines() if row.startswith("| `")} <= rows
