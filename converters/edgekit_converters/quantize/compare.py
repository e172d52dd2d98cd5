"""Hold the quantized file's activations against the float file's, tensor by tensor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from edgekit_converters.quantize.power import Power
from edgekit_converters.quantize.statistics import Range
from edgekit_converters.quantize.trail import TensorTrail
from edgekit_runtime.affine import restore, store
from edgekit_runtime.litert import TensorReader
from edgekit_runtime.tensor import TensorSpec


def compare_tensors(
    float_model: Path,
    quantized_model: Path,
    ranges: Mapping[str, Range],
    samples: Iterable[tuple[np.ndarray, ...]],
) -> tuple[TensorTrail, ...]:
    """Compare every activation that both files have under the same name.

    Args:
        float_model: The float file.
        quantized_model: The quantized one.
        ranges: Ranges of the float file's activations over the calibration samples.
        samples: For each sample one float array per input, with a batch axis of 1.
    """
    expected, found = TensorReader(str(float_model)), TensorReader(str(quantized_model))
    powers: dict[str, Power] = {name: Power() for name in ranges}
    for values in samples:
        wanted = {spec.name: activation for spec, activation in expected.run(values) if spec.name in powers}
        for spec, activation in found.run(store_inputs(values, expected.inputs, found.inputs)):
            if spec.name in wanted and activation.shape == wanted[spec.name].shape:
                powers[spec.name].add(wanted[spec.name], restore(activation, spec))
    specs = {spec.name: spec for spec in found.activations}
    return tuple(
        _trail(name, expected.operators.get(name, ""), ranges[name], specs.get(name), powers[name]) for name in ranges
    )


def store_inputs(
    values: tuple[np.ndarray, ...], given: tuple[TensorSpec, ...], wanted: tuple[TensorSpec, ...]
) -> tuple[np.ndarray, ...]:
    """Bring inputs of the float file into the order and the types of another that was made of it.

    Args:
        values: One float array per input.
        given: The float file's inputs.
        wanted: The other's.
    """
    places = {spec.name: place for place, spec in enumerate(given)}
    return tuple(store(values[places[spec.name]], spec) for spec in wanted)


def _trail(name: str, operator: str, found: Range, spec: TensorSpec | None, power: Power) -> TensorTrail:
    quantization = spec.quantization if spec else None
    return TensorTrail(
        name,
        operator,
        found.low,
        found.high,
        quantization.scale[0] if quantization else None,
        quantization.zero_point[0] if quantization else None,
        power.sqnr_db,
        power.peak_over_rms(found),
    )
