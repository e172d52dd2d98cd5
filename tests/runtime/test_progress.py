"""Progress as lines of a log."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_runtime.progress import parse_progress, progress_line


@given(st.text("abc xyz/0", min_size=1), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_progress_line_is_read_back(stage, done, total):
    assert parse_progress(progress_line(stage, done, total) + "\n") == (stage, done, total)


@pytest.mark.parametrize("line", ["", "INFO: Created delegate.", "progress: measure", "progress: measure 1/x", "a 1/2"])
def test_any_other_line_is_no_progress(line):
    assert parse_progress(line) is None
