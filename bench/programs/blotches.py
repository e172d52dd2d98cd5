"""Pictures for MobileNetV2 as data of edgekit: `blotches:pictures`, as many as BLOTCHES says."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np

SIZE, CELLS = 224, 14


def picture(number: int) -> np.ndarray:
    """One picture, `(3, 224, 224)`: random blotches under noise, the same for the same number."""
    random = np.random.default_rng(number)
    rough = random.normal(size=(3, CELLS, CELLS)).astype(np.float32)
    blotches = rough.repeat(SIZE // CELLS, axis=1).repeat(SIZE // CELLS, axis=2)
    noise = random.normal(scale=0.2, size=blotches.shape)
    return np.asarray(blotches + noise, np.float32)


def pictures() -> Iterator[dict[str, np.ndarray]]:
    """All of them, one at a time."""
    for number in range(int(os.environ["BLOTCHES"])):
        yield {"x": picture(number)}
