"""Give each operator of a quantized file the mean output that it has in the float file, by its bias."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from edgekit_converters.quantize.compare import compare_tensors, store_inputs
from edgekit_converters.quantize.engine import find_biases
from edgekit_converters.quantize.statistics import Range
from edgekit_converters.quantize.trail import BiasTrail
from edgekit_runtime.affine import restore
from edgekit_runtime.litert import TensorReader
from edgekit_runtime.progress import Progress

Samples = Sequence[tuple[np.ndarray, ...]]

# Each operator takes a run of all samples, so that many operators get few samples: about as many
# runs in all as half a calibration has. Convolutions average over a picture as well.
RUNS = 256
MOST_SAMPLES, FEWEST_SAMPLES = 64, 4


def samples_needed(model: Path) -> int:
    """How many samples correct the biases of a quantized file; 0 where it has none."""
    count = len(find_biases(bytearray(model.read_bytes())))
    return min(MOST_SAMPLES, max(FEWEST_SAMPLES, RUNS // count)) if count else 0


def correct_biases(
    float_model: Path, model: Path, outputs: Mapping[str, Range], samples: Samples, progress: Progress
) -> BiasTrail:
    """Move the biases of a quantized file so that each operator's mean output is the float file's again.

    Rounded weights and clipped activations shift the mean of each channel, and the shifts add up from
    operator to operator. One operator after the other, the mean difference over the samples is taken
    back: the empirical form of Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias
    Correction" (2019), section 4.2, but taken after the activation function. The file stays as it was
    where its outputs do not gain by it.

    Args:
        float_model: The float file.
        model: The quantized file, which is written to.
        outputs: The outputs by which the result is judged, with their ranges.
        samples: For each sample one float array per input, with a batch axis of 1.
        progress: Told after each operator.
    """
    original = model.read_bytes()
    content = bytearray(original)
    biases = find_biases(content)
    given = TensorReader(str(float_model), {bias.output for bias in biases})
    wanted = _means(given, samples)
    inputs = TensorReader(str(model), ()).inputs
    stored = tuple(store_inputs(values, given.inputs, inputs) for values in samples)
    before = _worst_sqnr(float_model, model, outputs, samples)
    for done, bias in enumerate(biases, start=1):
        found = _means(TensorReader(str(model), {bias.output}), stored)
        if bias.output in wanted and bias.output in found:
            bias.shift(wanted[bias.output] - found[bias.output])
            model.write_bytes(content)
        progress("correcting biases", done, len(biases))
    after = _worst_sqnr(float_model, model, outputs, samples)
    kept = after > before
    if not kept:
        model.write_bytes(original)
    return BiasTrail(len(samples), len(biases), _finite(before), _finite(after), kept)


def _means(reader: TensorReader, samples: Samples) -> dict[str, np.ndarray]:
    """The mean of each channel of a file's activations as real numbers, `(channels,)` each."""
    totals: dict[str, np.ndarray] = {}
    for values in samples:
        for spec, activation in reader.run(values):
            real = restore(activation, spec)
            mean = real.reshape(-1, real.shape[-1]).mean(axis=0, dtype=np.float64)
            totals[spec.name] = totals.get(spec.name, 0.0) + mean
    return {name: total / len(samples) for name, total in totals.items()}


def _worst_sqnr(float_model: Path, model: Path, outputs: Mapping[str, Range], samples: Samples) -> float:
    tensors = compare_tensors(float_model, model, outputs, samples)
    return min(math.inf if tensor.sqnr_db is None else tensor.sqnr_db for tensor in tensors)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
