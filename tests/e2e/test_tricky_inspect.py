"""All odd files go through `inspect`: each ends in a result or one line, and docs/tricky-models.md says which."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TIMEOUT_S = 600  # a hang, not a speed


@pytest.mark.slow
def test_every_odd_file_ends_as_the_page_says(repository: Path, assets: Path) -> None:
    """In a process of its own: a file that kills or hangs it is found, too."""
    done = subprocess.run(
        [sys.executable, repository / "docs/tricky_models.py", assets, "--check"],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr
