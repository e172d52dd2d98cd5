"""One face for every form of data: samples by index, without a batch axis."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from edgekit_converters.settings import DataSettings
from edgekit_runtime.errors import DataError
from edgekit_runtime.tensor import TensorSpec


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
        """Give these samples, one after the other."""
        ...


def open_data(path: Path, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> DataSource:
    """Open data for a model, and check that its form fits.

    Args:
        path: An `.npz` file.
        inputs: The model's inputs.
        outputs: The model's outputs.

    Raises:
        DataError: It cannot be read, or does not fit.
    """
    from edgekit_converters.data.npz import NpzSource

    if path.suffix != ".npz" and os.path.exists(path):
        raise DataError(f"{path}: not a form of data that edgekit reads; allowed: .npz.")
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
    source = open_data(Path(settings.path), inputs, outputs)
    return source, draw(len(source), settings.samples, settings.seed)


def check_samples(
    settings: DataSettings, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], purpose: str
) -> str:
    """Read the drawn samples once, refuse bad ones, and return the checksum of their bytes.

    Args:
        settings: Which samples.
        inputs: The model's inputs.
        outputs: The model's outputs.
        purpose: What they are for, in the error's text: `calibration` or `evaluation`.

    Raises:
        DataError: A sample or a label holds NaN or infinite values, or all samples are the same.
    """
    source, indexes = open_drawn(settings, inputs, outputs)
    digest, distinct = hashlib.sha256(), set()
    for index, sample in zip(indexes, source.read(indexes), strict=True):
        parts = {f"input {name}": value for name, value in sample.inputs.items()}
        parts.update({f"the label of {name}": value for name, value in sample.labels.items()})
        for part, value in parts.items():
            if not np.isfinite(value).all():
                raise DataError(
                    f"{settings.path}: {purpose} sample {index} has NaN or infinite values in {part}; "
                    "allowed: finite numbers.",
                    hint="Remove such samples.",
                )
        content = b"".join(np.ascontiguousarray(value).tobytes() for value in sample.inputs.values())
        distinct.add(hashlib.sha256(content).digest())
        digest.update(content + b"".join(np.ascontiguousarray(label).tobytes() for label in sample.labels.values()))
    if len(indexes) > 1 and len(distinct) == 1:
        raise DataError(
            f"{settings.path}: all {len(indexes)} {purpose} samples are the same.",
            hint="Check how they were made: ranges found on one sample do not hold for others.",
        )
    return digest.hexdigest()
