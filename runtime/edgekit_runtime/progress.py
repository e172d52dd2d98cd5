"""How long steps tell how far they are."""

from __future__ import annotations

import re
from typing import Callable, Optional

Progress = Callable[[str, int, int], None]
"""Takes what is being done, how many parts are done, and how many there are (0: unknown)."""


def silent(stage: str, done: int, total: int) -> None:  # the face of Progress
    """Tell nobody."""


def progress_line(stage: str, done: int, total: int) -> str:
    """Progress as a line of a log."""
    return f"progress: {stage} {done}/{total}"


def parse_progress(line: str) -> Optional[tuple[str, int, int]]:
    """Stage, done and total of a line that `progress_line` made; `None` for any other."""
    found = re.match(r"progress: (.+) (\d+)/(\d+)$", line.rstrip("\n"))
    return (found[1], int(found[2]), int(found[3])) if found else None
