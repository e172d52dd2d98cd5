"""Train Keras models of the tests' matrix, with samples: make_matrix.py ANSWER.json TESTS FOLDER NAME..."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

CLASSES, SAMPLES = 10, 64


def main() -> None:
    """Write a `.keras` for each name, then a `.npz`."""
    sys.path.insert(0, str(Path(sys.argv[2]).parent))
    from tests.matrix.data import samples
    from tests.matrix.keras_models import train

    for name in sys.argv[4:]:
        train(name).save(Path(sys.argv[3], f"{name}.keras"))
        np.savez(Path(sys.argv[3], f"{name}.npz"), **samples(name, CLASSES, SAMPLES, seed=2)[0])
    Path(sys.argv[1]).write_text("{}", encoding="utf-8")


main()
