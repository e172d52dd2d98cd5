"""Go through samples once before the long work: refuse bad ones, and note what the others are like."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Optional

import numpy as np

from edgekit_converters.data.source import Sample, open_drawn
from edgekit_converters.settings import DataSettings
from edgekit_runtime.errors import DataError
from edgekit_runtime.tensor import TensorSpec


@dataclass(frozen=True)
class InputRange:
    """The smallest and the largest value of an input over the drawn samples."""

    name: str
    low: float
    high: float


@dataclass(frozen=True)
class Checked:
    """What good samples are like.

    Attributes:
        sha256: Checksum of the drawn samples.
        samples: How many were drawn.
        ranges: Of each input.
        classes: Names of the classes, where the data tells them.
        answers: How many different labels there are, where each is one whole number.
    """

    sha256: str
    samples: int
    ranges: tuple[InputRange, ...]
    classes: Optional[tuple[str, ...]]
    answers: Optional[int]


class _Ranges:
    def __init__(self) -> None:
        self.ends: dict[str, tuple[float, float]] = {}

    def add(self, sample: Sample) -> None:
        for name, value in sample.inputs.items():
            if value.size:
                low, high = self.ends.get(name, (float("inf"), -float("inf")))
                self.ends[name] = min(low, float(value.min())), max(high, float(value.max()))


def check_samples(
    settings: DataSettings,
    inputs: tuple[TensorSpec, ...],
    outputs: tuple[TensorSpec, ...],
    purpose: str,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Checked, dict[str, np.ndarray]]:
    """Read the drawn samples once, and refuse bad ones.

    Args:
        settings: Which samples.
        inputs: The model's inputs.
        outputs: The model's outputs.
        purpose: What they are for, in the error's text: `calibration` or `evaluation`.
        progress: Told after each sample.

    Returns:
        What they are like, and their labels by output, each `(N, ...)`.

    Raises:
        DataError: A sample or a label holds NaN or infinite values, labels have different shapes, or
            all samples are the same.
    """
    source, indexes = open_drawn(settings, inputs, outputs)
    digest, ranges, first, distinct = hashlib.sha256(), _Ranges(), b"", len(indexes) == 1
    labels: list[dict[str, np.ndarray]] = []
    for done, (index, sample) in enumerate(zip(indexes, source.read(indexes), strict=True), start=1):
        refuse_infinite(sample, f"{settings.path}: {purpose} sample {index}")
        ranges.add(sample)
        own = _checksum(sample)
        first = first or own
        distinct = distinct or own != first
        digest.update(own)
        for label in sample.labels.values():
            digest.update(np.ascontiguousarray(label).tobytes())
        labels.append(dict(sample.labels))
        if progress is not None:
            progress(done, len(indexes))
    if not distinct:
        raise DataError(
            f"{settings.path}: all {len(indexes)} {purpose} samples are the same.",
            hint="Check how they were made: ranges found on one sample do not hold for others.",
        )
    found = tuple(InputRange(name, *ends) for name, ends in ranges.ends.items())
    classes = getattr(source, "classes", None) or None
    stacked = _stacked(labels, settings.path)
    return Checked(digest.hexdigest(), len(indexes), found, classes, _answers(stacked)), stacked


def _answers(labels: dict[str, np.ndarray]) -> int | None:
    first = next(iter(labels.values()), None)
    return len(np.unique(first)) if first is not None and first.ndim == 1 and first.dtype.kind in "iub" else None


def refuse_infinite(sample: Sample, what: str) -> None:
    """Refuse a sample with NaN or infinite values.

    Args:
        sample: The sample.
        what: Which it is, for the error.

    Raises:
        DataError: It has such values, among its inputs or its labels.
    """
    parts = {f"input {name}": value for name, value in sample.inputs.items()}
    parts.update({f"the label of {name}": value for name, value in sample.labels.items()})
    for part, value in parts.items():
        if not np.isfinite(value).all():
            raise DataError(
                f"{what} has NaN or infinite values in {part}; allowed: finite numbers.", hint="Remove such samples."
            )


def _checksum(sample: Sample) -> bytes:
    own = hashlib.sha256()
    for value in sample.inputs.values():
        own.update(np.ascontiguousarray(value).tobytes())
    return own.digest()


def _stacked(labels: list[dict[str, np.ndarray]], path: str) -> dict[str, np.ndarray]:
    for place, row in enumerate(labels):
        if row.keys() != labels[0].keys():
            raise DataError(f"{path}: sample {place} has labels for other outputs than the first.")
        for name, label in row.items():
            if label.shape != labels[0][name].shape:
                raise DataError(
                    f"{path}: the label of sample {place} has shape {label.shape}; "
                    f"that of the first has {labels[0][name].shape}."
                )
    return {name: np.stack([row[name] for row in labels]) for name in labels[0]}
