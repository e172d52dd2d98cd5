"""Every tricky .tflite file ends in a bundle or in one clear line, as docs/tricky-models.md says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.tricky_onnx import table
from tests.e2e.tricky_tflite import BEGIN, END, outcomes

# A scratch folder, a file that edgekit makes in one, and how Python words its own exceptions.
STRANGE = re.compile(
    r"/tmp/|\.bundle-|golden-\w+\.npz|/(float|quantized)\.(tflite|onnx)|Traceback"
    r"|'\w+' object |(Type|Attribute|Key|Index|Value|Runtime)Error|NoneType|list index"
)


@pytest.mark.slow
def test_every_tricky_file_ends_as_the_table_says(assets: Path, repository: Path) -> None:
    found = list(outcomes(assets / "tricky/tflite"))
    assert all(one.line and "\n" not in one.line and not STRANGE.search(one.line) for one in found)
    document = (repository / "docs/tricky-models.md").read_text(encoding="utf-8")
    told = document.partition(BEGIN)[2].partition(END)[0]
    assert _ends(table(found)) == _ends(told)


def test_no_line_names_a_temporary_file_or_is_pythons_own(repository: Path) -> None:
    document = (repository / "docs/tricky-models.md").read_text(encoding="utf-8")
    rows = [row for row in document.splitlines() if row.startswith("| `")]
    assert rows
    assert [row for row in rows if STRANGE.search(row)] == []


def _ends(rows: str) -> list[str]:
    """File and outcome of each row; the reasons are LiteRT's own words."""
    return [row.rsplit("|", 2)[0] for row in rows.splitlines() if row.startswith("| `")]
