"""Where a compiler's files go, and a model for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tflite_files import write_int8_dense


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "compiled"
    folder.mkdir()
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_int8_dense(tmp_path)[1]
