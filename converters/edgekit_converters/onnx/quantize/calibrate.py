"""Run samples through a float `.onnx` file and gather the range of every activation."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import numpy as np

from edgekit_converters.onnx.quantize.histogram import Histogram
from edgekit_converters.onnx.tensors import TensorReader
from edgekit_converters.quantize.statistics import Range, RangeStatistics
from edgekit_runtime.errors import DataError
from edgekit_runtime.progress import Progress

KEPT = 0.9999  # share of a tensor's values that a percentile range holds


class Ranges:
    """What calibration found.

    Attributes:
        found: Smallest and largest value of each activation.
        used: The ranges to quantize by.
    """

    def __init__(self, found: Mapping[str, Range], used: Mapping[str, Range]) -> None:
        self.found, self.used = found, used


def calibrate(
    model: Path,
    names: Collection[str],
    samples: Iterable[tuple[np.ndarray, ...]],
    total: int,
    progress: Progress,
    *,
    percentile: bool = False,
) -> Ranges:
    """Gather the ranges of some activations.

    Args:
        model: The float file.
        names: The activations.
        samples: For each sample one array per input of the file.
        total: How many samples there are.
        progress: Told after each sample.
        percentile: Whether a range leaves out the outermost values instead of holding them all.

    Raises:
        DataError: An activation became NaN, or an input is infinite.
        ModelError: onnxruntime cannot run the file.
    """
    reader, statistics = TensorReader(model, names, optimized=True), RangeStatistics()
    histograms: dict[str, Histogram] = {}
    for done, values in enumerate(samples, start=1):
        for spec, activation in reader.run(values):
            if spec.dtype != "float32":
                continue
            if percentile:
                histograms.setdefault(spec.name, Histogram()).update(activation)
            else:
                statistics.update(spec.name, activation)
        progress("calibrating", done, total)
    found = {name: histogram.range for name, histogram in histograms.items()} if percentile else statistics.ranges
    _check_numbers(found, reader.operators)
    used = {name: histogram.percentile(KEPT) for name, histogram in histograms.items()} if percentile else found
    return Ranges(found, used)


def _check_numbers(ranges: Mapping[str, Range], operators: Mapping[str, str]) -> None:
    for name, found in ranges.items():
        ends = found.low, found.high
        if np.isnan(ends).any() or (name not in operators and np.isinf(ends).any()):
            raise DataError(
                f"calibration: {operators.get(name, 'the input')} gives NaN or infinite values in tensor {name}.",
                hint="Check the range of the samples, and the model's weights.",
            )
