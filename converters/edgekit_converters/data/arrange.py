"""Samples of one model as those of another that calls its inputs, or orders their axes, otherwise."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgekit_converters.data.source import DataSource
from edgekit_runtime.errors import DataError
from edgekit_runtime.tensor import TensorSpec

CHANNELS_LAST, CHANNELS_FIRST = (1, 2, 0), (2, 0, 1)  # of one picture: from the other


def order_between(shape: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...] | None:
    """The order of axes that turns a sample of one shape into another; `None` where none does.

    Args:
        shape: Without batch axis.
        other: Likewise; pictures may have their channels first here and last there.
    """
    if shape == other:
        return tuple(range(len(shape)))
    orders = (CHANNELS_LAST, CHANNELS_FIRST) if len(shape) == len(other) == len(CHANNELS_LAST) else ()
    return next((order for order in orders if tuple(shape[axis] for axis in order) == other), None)


def arrange(
    source: DataSource,
    indexes: Sequence[int],
    inputs: Sequence[TensorSpec],
    others: Sequence[TensorSpec],
    path: Path,
) -> None:
    """Write samples as `.npz` under another model's names and axes, a sample at a time.

    Args:
        source: The samples.
        indexes: Which, ascending.
        inputs: The inputs that they have.
        others: The inputs that they are to have; those of the same name, or else of the same place.
        path: Where to write.

    Raises:
        DataError: Names, shapes or kinds of numbers do not meet.
    """
    pairs = _pairs(inputs, others)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix="arrange-") as folder:
        arrays = {
            other.name: np.lib.format.open_memmap(
                Path(folder, f"{i}.npy"), "w+", np.dtype(other.dtype), (len(indexes), *other.sample_shape)
            )
            for i, (_, other, _) in enumerate(pairs)
        }
        for row, sample in enumerate(source.read(indexes)):
            for spec, other, order in pairs:
                arrays[other.name][row] = np.transpose(sample.inputs[spec.name], order)
        with open(path, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)


def _pairs(
    inputs: Sequence[TensorSpec], others: Sequence[TensorSpec]
) -> list[tuple[TensorSpec, TensorSpec, tuple[int, ...]]]:
    if len(inputs) != len(others):
        raise DataError(f"the teacher takes {len(others)} inputs, and the model {len(inputs)}; allowed: as many.")
    named = {spec.name: spec for spec in inputs}
    same = set(named) == {other.name for other in others}
    pairs = []
    for spec, other in zip(inputs, others, strict=True):
        mine = named[other.name] if same else spec
        order = order_between(mine.sample_shape, other.sample_shape)
        if order is None:
            raise DataError(
                f"the teacher's input {other.name} is {other.sample_shape}, and the model's {mine.name} "
                f"{mine.sample_shape}; allowed: the same, or pictures with their channels first or last."
            )
        pairs.append((mine, other, order))
    return pairs
