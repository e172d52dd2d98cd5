"""One face for every form of data: samples by index, without a batch axis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from edgekit_converters.data.form import detect_form
from edgekit_converters.settings import AS_THEY_ARE, DataSettings, PictureSettings
from edgekit_runtime.tensor import TensorSpec

SINGLE_INPUT, LABELS, IDS = "x", "y", "id"  # what arrays are called beside the names of inputs and outputs


@dataclass(frozen=True)
class Sample:
    """One sample.

    Attributes:
        inputs: From input name to its value, without batch axis, such as `(H, W, C)`.
        labels: From output name to its label; empty without labels.
    """

    inputs: Mapping[str, np.ndarray]
    labels: Mapping[str, np.ndarray]


class DataSource(Protocol):
    """A set of samples, in a fixed order."""

    def __len__(self) -> int:
        """How many samples there are."""
        ...

    def read(self, indexes: Sequence[int]) -> Iterator[Sample]:
        """Give these samples, one after the other.

        Args:
            indexes: Ascending, for a stream is read from its beginning.
        """
        ...


def open_data(
    path: Path,
    inputs: tuple[TensorSpec, ...],
    outputs: tuple[TensorSpec, ...],
    pictures: PictureSettings = AS_THEY_ARE,
) -> DataSource:
    """Open data for a model, and check that its form fits.

    Args:
        path: An `.npz` or `.npy` file, a folder of them, a folder of pictures, or `module:function`.
        inputs: The model's inputs.
        outputs: The model's outputs.
        pictures: How pictures become inputs.

    Raises:
        DataError: It cannot be read, or does not fit.
    """
    form = detect_form(path)
    if form == "pictures":
        from edgekit_converters.data.pictures import PictureSource

        return PictureSource(path, inputs, outputs, pictures)
    if form == "function":
        from edgekit_converters.data.function import FunctionSource

        return FunctionSource(str(path), inputs, outputs)
    if form == "shards":
        from edgekit_converters.data.shards import ShardSource

        return ShardSource(path, inputs, outputs)
    if form == "npy":
        from edgekit_converters.data.npy import NpySource

        return NpySource(path, inputs, outputs)
    from edgekit_converters.data.npz import NpzSource

    return NpzSource(path, inputs, outputs)


def draw(count: int, samples: int | None, seed: int) -> tuple[int, ...]:
    """Draw indexes over a whole set, without repeats, in ascending order.

    Args:
        count: Size of the set.
        samples: How many to draw; `None`, or more than there are, takes all.
        seed: The same seed draws the same samples.
    """
    if samples is None or samples >= count:
        return tuple(range(count))
    chosen = np.random.default_rng(seed).choice(count, size=samples, replace=False)
    return tuple(sorted(int(index) for index in chosen))


def open_drawn(
    settings: DataSettings, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]
) -> tuple[DataSource, tuple[int, ...]]:
    """Open data and draw from it as the settings say."""
    source = open_data(Path(settings.path), inputs, outputs, settings.pictures)
    return source, draw(len(source), settings.samples, settings.seed)
