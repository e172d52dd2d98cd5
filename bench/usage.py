"""What a program costs with everything that it starts: processor time, and the largest process's memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = Path(__file__).parent / "programs"


@dataclass(frozen=True)
class Usage:
    """The cost of a whole tree of processes.

    Attributes:
        wall_s: Time from start to end.
        cpu_s: Processor time of all its processes, user and system.
        peak_rss_bytes: Highest resident memory of the largest of its processes.
    """

    wall_s: float
    cpu_s: float
    peak_rss_bytes: int


def run_counted(argv: Sequence[str | Path]) -> Usage:
    """Run a program to its end, and count it with all its descendants.

    Raises:
        SystemExit: It failed; what it wrote is shown.
    """
    return Usage(**run_program("count.py", *argv))


def run_program(name: str, *arguments: str | Path) -> dict[str, float]:  # the JSON object of one of our own programs
    """Run a program of `bench/programs`, and read the JSON that it leaves in the file named by its first argument.

    Raises:
        SystemExit: It failed; what it wrote is shown.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "answer.json")
        argv = [sys.executable, str(PROGRAMS / name), str(answer), *map(str, arguments)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(argv)} ended with status {done.returncode}:\n{done.stdout}{done.stderr}")
        return dict(json.loads(answer.read_text(encoding="utf-8")))


@contextmanager
def compiled_modules(folder: str) -> Iterator[None]:
    """Let Python keep compiled modules in a folder, whatever this machine's settings are."""
    before = dict(os.environ)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = folder
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
