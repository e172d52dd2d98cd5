"""Run samples through the float file and gather the range of every activation."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import numpy as np

from edgekit_converters.quantize.masks import unmasked
from edgekit_converters.quantize.statistics import Range, RangeStatistics
from edgekit_runtime.errors import DataError
from edgekit_runtime.litert import TensorReader
from edgekit_runtime.progress import Progress


def calibrate(
    model: Path,
    samples: Iterable[tuple[np.ndarray, ...]],
    total: int,
    progress: Progress,
    masked: Collection[str] = (),
) -> Mapping[str, Range]:
    """Gather the ranges of a float `.tflite`'s activations.

    Args:
        model: The file.
        samples: For each sample one array per input of the file, with a batch axis of 1.
        total: How many samples there are.
        progress: Told after each sample.
        masked: Tensors whose range is found without what a mask has made huge.

    Raises:
        DataError: An activation became NaN or infinite.
        ModelError: LiteRT cannot run the file.
    """
    reader, statistics = TensorReader(str(model)), RangeStatistics()
    for done, values in enumerate(samples, start=1):
        for spec, activation in reader.run(values):
            if spec.dtype == "float32":
                statistics.update(spec.name, unmasked(activation) if spec.name in masked else activation)
        progress("calibrating", done, total)
    for name, found in statistics.ranges.items():
        if not np.isfinite((found.low, found.high)).all():
            writer = reader.operators.get(name, "the input")
            raise DataError(
                f"calibration: {writer} gives NaN or infinite values in tensor {name}.",
                hint="Check the range of the samples, and the model's weights.",
            )
    return statistics.ranges
