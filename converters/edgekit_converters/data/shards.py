"""A folder of `.npy` and `.npz` files as one set of samples; one file is open at a time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

from edgekit_converters.data.arrays import ArraySource
from edgekit_converters.data.npy import NpySource
from edgekit_converters.data.npz import NpzSource
from edgekit_converters.data.source import Sample
from edgekit_runtime.errors import DataError
from edgekit_runtime.tensor import TensorSpec

SHARD_SUFFIXES = {".npy": NpySource, ".npz": NpzSource}


class ShardSource:
    """A folder of shards, in the order of their names.

    Args:
        folder: The folder.
        inputs: The model's inputs.
        outputs: The model's outputs.

    Raises:
        DataError: A shard does not fit, or there are other files beside them.
    """

    def __init__(self, folder: Path, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> None:
        self._inputs, self._outputs = inputs, outputs
        self._paths = shards_in(folder)
        strangers = [path.name for path in self._paths if path.suffix not in SHARD_SUFFIXES]
        if strangers:
            raise DataError(
                f"{folder}: beside its shards it holds {strangers[0]}"
                f"{f' and {len(strangers) - 1} more' if len(strangers) > 1 else ''}; allowed: .npy and .npz files."
            )
        counts = []
        labelled: dict[frozenset[str], Path] = {}
        for path in self._paths:
            shard = self._open(path)
            counts.append(len(shard))
            labelled.setdefault(shard.labelled, path)
        if len(labelled) > 1:
            one, other = list(labelled.values())[:2]
            raise DataError(f"{folder}: {one.name} and {other.name} do not have labels for the same outputs.")
        self._ends = tuple(accumulate(counts))

    def __len__(self) -> int:
        """How many samples there are."""
        return self._ends[-1]

    def read(self, indexes: Sequence[int]) -> Iterator[Sample]:
        """Give these samples, one after the other."""
        place, shard = -1, None
        for index in indexes:
            wanted = bisect_right(self._ends, index)
            if shard is None or wanted != place:
                shard = None  # let it go before the next is opened
                place, shard = wanted, self._open(self._paths[wanted])
            begin = self._ends[place - 1] if place else 0
            yield from shard.read([index - begin])

    def _open(self, path: Path) -> ArraySource:
        return SHARD_SUFFIXES[path.suffix](path, self._inputs, self._outputs)


def shards_in(folder: Path) -> list[Path]:
    """The files of a folder in the order of their names; hidden ones are left out."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
