"""Training samples where any of them is at hand at once: in memory, or in a scratch file if they are many."""

from __future__ import annotations

import hashlib
import math
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgekit_converters.compress.settings import TrainSettings
from edgekit_converters.data.check import refuse_infinite
from edgekit_converters.data.source import Sample, draw, open_data, open_drawn
from edgekit_converters.settings import DataSettings
from edgekit_converters.source import SourceInfo
from edgekit_runtime.errors import DataError

IN_MEMORY_BYTES = 1 << 28  # of an array; a larger one becomes a file that is mapped into memory
VALIDATION_SHARE = 0.1
EVERY = 1000  # samples from one report to the next
Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class Samples:
    """Samples by row.

    Attributes:
        inputs: By name, each `(N, ...)`.
        labels: By output name, each `(N, ...)`; empty without labels.
        sha256: Checksum of all.
    """

    inputs: Mapping[str, np.ndarray]
    labels: Mapping[str, np.ndarray]
    sha256: str

    def __len__(self) -> int:
        """How many there are."""
        return len(next(iter(self.inputs.values())))


@dataclass(frozen=True)
class Parts:
    """What is learned from, and what tells when to stop.

    Attributes:
        train: The samples.
        rows: Those of them that are learned from.
        validation: Samples; `train` itself where they are taken out of it.
        validation_rows: Which of them.
    """

    train: Samples
    rows: np.ndarray
    validation: Samples
    validation_rows: np.ndarray

    @property
    def own(self) -> bool:
        """Whether the validation samples are a part of the training data."""
        return self.validation is self.train


def gather(settings: DataSettings, info: SourceInfo, tell: Tell) -> Samples:
    """Read the drawn samples once.

    Raises:
        DataError: They do not fit, hold NaN or infinite values, or their labels differ in shape or type.
    """
    source, indexes = open_drawn(settings, info.inputs, info.outputs)
    digest, writer = hashlib.sha256(), _Writer(len(indexes), settings.path)
    for row, (index, sample) in enumerate(zip(indexes, source.read(indexes), strict=True)):
        refuse_infinite(sample, f"{settings.path}: training sample {index}")
        writer.add(row, index, sample)
        _add(digest, sample)
        if row + 1 == len(indexes) or (row + 1) % EVERY == 0:
            tell(row + 1, len(indexes))
    return Samples(writer.inputs, writer.labels, digest.hexdigest())


def checksum_drawn(settings: DataSettings, info: SourceInfo, tell: Tell) -> str:
    """The checksum that `gather` gives the drawn samples, without keeping any.

    Raises:
        DataError: They do not fit.
    """
    source, indexes = open_drawn(settings, info.inputs, info.outputs)
    digest = hashlib.sha256()
    for row, sample in enumerate(source.read(indexes)):
        _add(digest, sample)
        if row + 1 == len(indexes) or (row + 1) % EVERY == 0:
            tell(row + 1, len(indexes))
    return digest.hexdigest()


def divide(settings: TrainSettings, info: SourceInfo, tell: Tell) -> Parts:
    """Gather the samples, and set those apart that tell when to stop.

    Raises:
        DataError: They do not fit, or there are too few of them.
    """
    train = gather(settings.data, info, tell)
    rows = np.arange(len(train))
    if settings.validation is None:
        count = max(1, round(len(rows) * VALIDATION_SHARE))
        chosen = np.sort(np.random.default_rng(settings.seed).permutation(rows)[:count])
        return _apart(train, chosen, settings.data.path)
    if settings.validation.path != settings.data.path:
        validation = gather(settings.validation, info, tell)
        return Parts(train, rows, validation, np.arange(len(validation)))
    count = len(open_data(Path(settings.data.path), info.inputs, info.outputs, settings.data.pictures))
    drawn = draw(count, settings.data.samples, settings.data.seed)
    held = set(draw(count, settings.validation.samples, settings.validation.seed))
    chosen = np.array([row for row, index in enumerate(drawn) if index in held], np.int64)
    return _apart(train, chosen, settings.data.path)


def batches(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Rows in batches of at most `size` that differ by one at most: batch norm cannot learn from a last one of 1."""
    yield from np.array_split(rows, batch_count(len(rows), size))


def batch_count(samples: int, size: int) -> int:
    """How many batches `batches` gives."""
    return -(-samples // size)


def order(rows: np.ndarray, seed: int, epoch: int) -> np.ndarray:
    """The rows in the order of an epoch."""
    return np.asarray(np.random.default_rng((seed, epoch)).permutation(rows))


def _add(digest: hashlib._Hash, sample: Sample) -> None:
    for value in (*sample.inputs.values(), *sample.labels.values()):
        digest.update(np.ascontiguousarray(value).tobytes())


def _apart(train: Samples, chosen: np.ndarray, path: str) -> Parts:
    rows = np.setdiff1d(np.arange(len(train)), chosen)
    if not len(rows) or not len(chosen):
        raise DataError(
            f"{path}: {len(rows)} samples are left to learn from, and {len(chosen)} tell when to stop; "
            "allowed: at least one of each."
        )
    return Parts(train, rows, train, chosen)


class _Writer:
    """Arrays that are filled row by row."""

    def __init__(self, count: int, path: str) -> None:
        self._count, self._path = count, path
        self.inputs: dict[str, np.ndarray] = {}
        self.labels: dict[str, np.ndarray] = {}

    def add(self, row: int, index: int, sample: Sample) -> None:
        if row == 0:
            self.inputs = {name: _room(self._count, value) for name, value in sample.inputs.items()}
            self.labels = {name: _room(self._count, value) for name, value in sample.labels.items()}
        self._check(index, sample)
        for arrays, values in ((self.inputs, sample.inputs), (self.labels, sample.labels)):
            for name, value in values.items():
                arrays[name][row] = value

    def _check(self, index: int, sample: Sample) -> None:
        if sample.labels.keys() != self.labels.keys():
            raise DataError(f"{self._path}: sample {index} has labels for other outputs than the first.")
        for name, value in sample.labels.items():
            first = self.labels[name]
            if value.shape != first.shape[1:] or not np.can_cast(value.dtype, first.dtype, "same_kind"):
                raise DataError(
                    f"{self._path}: the label of sample {index} is {value.dtype} of shape {value.shape}; "
                    f"that of the first is {first.dtype} of shape {first.shape[1:]}."
                )


def _room(count: int, value: np.ndarray) -> np.ndarray:
    shape = (count, *value.shape)
    if math.prod(shape) * value.dtype.itemsize <= IN_MEMORY_BYTES:
        return np.empty(shape, value.dtype)
    with tempfile.NamedTemporaryFile(suffix=".npy", delete=False) as file:  # deleted with the session's scratch folder
        rows = np.lib.format.open_memmap(file.name, "w+", value.dtype, shape)
        if hasattr(os, "posix_fallocate"):  # a map that meets a full disk later ends the process
            _fill(file.fileno(), file.name)
    return np.asarray(rows)


def _fill(descriptor: int, name: str) -> None:
    try:
        os.posix_fallocate(descriptor, 0, os.path.getsize(name))
    except OSError as error:
        os.unlink(name)
        error.filename = name
        raise
