"""Networks that several end-to-end tests share."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[1] / "digits_networks.py"


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with trained networks for digits in both frameworks, and their data."""
    folder = tmp_path_factory.mktemp("digits")
    for part in ("data", "keras", "torch"):
        subprocess.run([sys.executable, PROGRAM, part, folder], check=True, capture_output=True)
    shutil.copyfile(PROGRAM, folder / "networks.py")
    return folder
