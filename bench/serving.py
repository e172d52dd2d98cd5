"""What serving costs beside calling the model, and whether it holds out when many ask."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from figures import Row, Section, Target
from models import Source, convert, mobilenet, resnet8
from pairs import Pair, difference_row
from usage import run_program

from edgekit_runtime.bundle import open_bundle
from edgekit_runtime.child import resident_bytes
from edgekit_runtime.figure import measured

P99_MS, LOST, GROWTH_MB = Target(0.5), Target(0), Target(5)
PAIRS, QUICK_PAIRS = 9, 3
CALLS, QUICK_CALLS = 1000, 250
CLIENTS, REQUESTS, QUICK_REQUESTS = 16, 10_000, 1_600
QUEUE = 8  # fewer than clients, so that some find it full
READY = "serving "


def serving(quick: bool) -> Section:
    """Ask servers of two models, one request at a time and many."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [row for source in (resnet8(), mobilenet()) for row in _overhead(source, Path(folder), quick)]
        rows += _crowd(Path(folder), quick)
    calls = QUICK_CALLS if quick else CALLS
    return Section(
        "Serving",
        "`serve` on this machine, asked with a picture's bytes as `.npy`. Beside it: the same bundle called in the "
        f"client's own process, 250 calls and 250 requests in turn, {calls} on either side, for each pair in a new "
        "server and a new client; the first of each turn, which finds its process asleep, is also told by itself. Then "
        f"{CLIENTS} clients at once, with a queue of {QUEUE} requests; an answer 503 counts as an answer. Growth: "
        "resident memory of the server after these, less that after as many before.",
        (
            "python -m edgekit_runtime serve BUNDLE",
            f"python bench/programs/calls_in_turn.py ANSWER.json BUNDLE INPUT.npy {calls} PORT",
        ),
        tuple(rows),
    )


def _overhead(source: Source, folder: Path, quick: bool) -> Iterator[Row]:
    bundle = convert(source, "int8", folder / source.name).parent
    sample = _sample(bundle, folder / f"{source.name}.npy")
    calls = str(QUICK_CALLS if quick else CALLS)
    found = [_pair(bundle, sample, calls) for _ in range(QUICK_PAIRS if quick else PAIRS)]
    for name, what, target in (
        ("p50", "p50 of a request", None),
        ("p99", "p99 of a request", P99_MS),
        ("first", "first request after a pause", None),
    ):
        pairs = [Pair(each[f"served_{name}_ns"] / 1e6, each[f"direct_{name}_ns"] / 1e6) for each in found]
        yield difference_row(f"{source.name} int8, {what}", "ms", pairs, target)


def _pair(bundle: Path, sample: Path, calls: str) -> dict[str, float]:
    """Both sides in new processes: how a process's memory happens to lie makes an inference up to a tenth slower."""
    with _server(bundle) as (_, port):
        return run_program("calls_in_turn.py", bundle, sample, calls, port)


def _crowd(folder: Path, quick: bool) -> Iterator[Row]:
    bundle, sample = folder / "ResNet8", folder / "ResNet8.npy"
    requests = QUICK_REQUESTS if quick else REQUESTS
    with _server(bundle, f"--queue={QUEUE}") as (process, port):
        ask = ("served_calls.py", port, sample, str(requests), str(CLIENTS))
        run_program(*ask)
        before = resident_bytes(process.pid) or 0
        found = run_program(*ask)
        after = resident_bytes(process.pid) or 0
    how = f"counted; {found['ok']:.0f} answered 200, {found['busy']:.0f} answered 503"
    lost = measured(requests - found["answered"], "requests", how)
    yield Row(f"{CLIENTS} clients, {requests:,} requests: lost", lost, None, lost, LOST, 1)
    growth = measured((after - before) / 1e6, "MB", "resident memory of /proc, after less before")
    yield Row(f"{CLIENTS} clients, {requests:,} requests: growth", growth, None, growth, GROWTH_MB, 1)


def _sample(bundle: Path, path: Path) -> Path:
    with open_bundle(bundle) as opened:
        shape = opened.manifest.inputs[0].source.sample_shape
    np.save(path, np.random.default_rng(0).integers(0, 256, shape, np.uint8))
    return path


@contextmanager
def _server(bundle: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    argv = [sys.executable, "-m", "edgekit_runtime", "serve", "--port=0", *options, str(bundle)]
    environment = {name: value for name, value in os.environ.items() if name != "EDGEKIT_TOKEN"}
    with subprocess.Popen(
        argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stderr is not None
        line = next((line for line in process.stderr if line.startswith(READY)), None)
        if line is None:
            raise SystemExit(f"{' '.join(argv)} ended with status {process.wait()}")
        yield process, line.strip().rpartition(":")[2]
        process.send_signal(signal.SIGTERM)
