"""What a step of training costs with edgekit around it, beside a bare loop in the framework."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from figures import Row, Section, Target
from models import CACHE, REPOSITORY
from pairs import Pair, ratio_row
from usage import run_program

LIMIT = Target(1.05)
EPOCHS, QUICK_EPOCHS, LEFT_OUT = 12, 4, 2
BATCH, STEPS = 32, 36
MADE = CACHE / "training"
MODULE = f"{REPOSITORY / 'tests/torch_models.py'}:ResidualCnn"


def training(quick: bool) -> Section:
    """Train a small residual network of either framework with both."""
    _make()
    epochs = QUICK_EPOCHS if quick else EPOCHS
    with one_thread():
        rows = (
            _row("Keras", "keras", str(MADE / "residual.keras"), MADE / "samples.npz", epochs),
            _row("PyTorch", "torch", MODULE, MADE / "samples_first.npz", epochs),
        )
    return Section(
        "A step of training",
        f"A residual network for pictures of 32 x 32 (like ResNet8 of MLPerf Tiny), one thread, epochs of {STEPS} "
        f"steps with {BATCH} samples and the validation of {BATCH * 4}: edgekit's loop, with its check of every loss, "
        "its seeds, its deterministic operators and a checkpoint after each epoch, beside a bare loop with the "
        f"framework's own loss and Adam, epoch by epoch in turn in one process. Processor time of an epoch by {STEPS}; "
        f"the first {LEFT_OUT} of each are left out.",
        (
            "python bench/programs/training_in_turns.py OUT.json keras residual.keras samples.npz 12 32",
            "python bench/programs/training_in_turns.py OUT.json torch torch_models.py:ResidualCnn samples.npz 12 32",
        ),
        rows,
    )


def _row(what: str, framework: str, source: str, data: Path, epochs: int) -> Row:
    answer: dict[str, object] = dict(
        run_program("training_in_turns.py", framework, source, data, str(epochs), str(BATCH))
    )
    sides = []
    for side in ("edgekit", "beside"):
        seconds = answer[side]
        assert isinstance(seconds, list)
        sides.append([one / STEPS * 1e3 for one in seconds[LEFT_OUT:]])
    pairs = [Pair(*pair) for pair in zip(*sides, strict=True)]
    return ratio_row(f"processor time of a step, {what}", "ms", pairs, LIMIT)


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
