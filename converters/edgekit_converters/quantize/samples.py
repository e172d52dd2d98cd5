"""Calibration samples as a float file takes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from edgekit_converters.binding import Border
from edgekit_converters.data.source import open_drawn
from edgekit_converters.settings import DataSettings
from edgekit_converters.source import SourceInfo
from edgekit_runtime.samples import in_file_order


class Samples:
    """The drawn samples, as a float file takes them.

    Args:
        data: Which to draw.
        info: The source model.
        border: The file's inputs and outputs.
    """

    def __init__(self, data: DataSettings, info: SourceInfo, border: Border) -> None:
        self._source, self.indexes = open_drawn(data, info.inputs, info.outputs)
        self._bindings = [border.inputs[place] for place in border.file_order]

    def spread(self, count: int) -> Sequence[int]:
        """Some of the samples, evenly over all of them."""
        return self.indexes[:: max(1, len(self.indexes) // count)][:count]

    def read(self, indexes: Sequence[int]) -> Iterator[tuple[np.ndarray, ...]]:
        """For each sample one array per input, in the file's order and types, with a batch axis of 1."""
        for sample in self._source.read(indexes):
            yield tuple(
                np.asarray(in_file_order(sample.inputs[b.source.name], b), b.stored.dtype) for b in self._bindings
            )
