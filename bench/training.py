"""What a step of training costs with edgekit around it, beside a bare loop in the framework."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from figures import Row, Section, Target
from models import CACHE, REPOSITORY
from pairs import Pair, interleave, ratio_row
from usage import run_program

LIMIT = Target(1.05)
PAIRS, QUICK_PAIRS = 5, 1
EPOCHS, BATCH, STEPS = 6, 32, 36
MADE = CACHE / "training"
MODULE = f"{REPOSITORY / 'tests/torch_models.py'}:ResidualCnn"


def training(quick: bool) -> Section:
    """Train a small residual network of either framework with both."""
    _make()
    count = QUICK_PAIRS if quick else PAIRS
    with one_thread():
        rows = (
            _row("Keras", "keras", str(MADE / "residual.keras"), MADE / "samples.npz", count),
            _row("PyTorch", "torch", MODULE, MADE / "samples_first.npz", count),
        )
    return Section(
        "A step of training",
        f"A residual network for pictures of 32 x 32 (like ResNet8 of MLPerf Tiny), one thread, epochs of {STEPS} "
        f"steps with {BATCH} samples and the validation of {BATCH * 4}: edgekit's loop, with its check of every loss, "
        "its seeds, its deterministic operators and a checkpoint after each epoch, beside a bare loop with the "
        f"framework's own loss and Adam. Processor time of an epoch by {STEPS}, the median of {EPOCHS - 2} epochs of "
        "a process; the first two are left out.",
        (
            "python bench/programs/edgekit_training.py OUT.json keras residual.keras samples.npz 6 32",
            "python bench/programs/bare_keras_training.py OUT.json residual.keras samples.npz 6 32",
            "python bench/programs/edgekit_training.py OUT.json torch torch_models.py:ResidualCnn samples.npz 6 32",
            "python bench/programs/bare_torch_training.py OUT.json torch_models.py:ResidualCnn samples.npz 6 32",
        ),
        rows,
    )


def _row(what: str, framework: str, source: str, data: Path, count: int) -> Row:
    def step_ms(program: str, *before: str) -> float:
        answer: dict[str, object] = dict(run_program(program, *before, source, data, str(EPOCHS), str(BATCH)))
        seconds = answer["seconds"]
        assert isinstance(seconds, list)
        return median(seconds[-(EPOCHS - 2) :]) / STEPS * 1e3

    pairs = interleave(
        lambda: step_ms("edgekit_training.py", framework), lambda: step_ms(f"bare_{framework}_training.py"), count
    )
    return ratio_row(f"processor time of a step, {what}", "ms", [Pair(*pair) for pair in pairs], LIMIT)


@contextmanager
def one_thread() -> Iterator[None]:
    """Processes that are started in the block compute in one thread, so that their processor time is their own."""
    before = dict(os.environ)
    os.environ.update(OMP_NUM_THREADS="1", TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1")
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _make() -> None:
    if not (MADE / "residual.keras").exists():
        MADE.mkdir(parents=True, exist_ok=True)
        run_program("make_training.py", MADE)
