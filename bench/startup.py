"""How long `edgekit --help` takes, and what it imports."""

from __future__ import annotations

import json
import subprocess
import sys

from figures import Row, Section, Target
from models import EDGEKIT
from pairs import Pair, interleave, ratio_row
from usage import run_counted

from edgekit_runtime.figure import measured

LIMIT = Target(1.3)
PAIRS, QUICK_PAIRS = 15, 3
HEAVY = ("numpy", "tensorflow", "keras", "torch", "ai_edge_litert", "onnxruntime", "pydantic", "rich")
HELP = [str(EDGEKIT), "--help"]
CLICK = [sys.executable, "-c", "import click"]
LOADED = f"""
import contextlib, io, json, sys
from edgekit.cli.main import main
with contextlib.redirect_stdout(io.StringIO()):
    status = main(["--help"])
assert status == 0
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""


def startup(quick: bool) -> Section:
    """Hold `edgekit --help` against the import of click, its one library."""
    pairs = interleave(lambda: run_counted(HELP), lambda: run_counted(CLICK), QUICK_PAIRS if quick else PAIRS)
    wall = [Pair(ours.wall_s, theirs.wall_s) for ours, theirs in pairs]
    cpu = [Pair(ours.cpu_s, theirs.cpu_s) for ours, theirs in pairs]
    rows = (
        ratio_row("time from start to end", "s", wall, LIMIT),
        ratio_row("processor time", "s", cpu, None),
        _imports(),
    )
    return Section(
        "Start of the command line",
        "Whole processes, edgekit beside a Python that imports click.",
        ("edgekit --help", "python -c 'import click'"),
        rows,
    )


def _imports() -> Row:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    what = f"heavy libraries imported, of {', '.join(HEAVY)}" + (f": {', '.join(found)}" if found else "")
    count = measured(len(found), "libraries", "sys.modules after --help")
    return Row(what, count, None, count, Target(0), 1)
