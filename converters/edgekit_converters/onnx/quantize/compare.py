"""Hold a quantized `.onnx` file's activations against the float file's, tensor by tensor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from edgekit_converters.onnx.tensors import TensorReader
from edgekit_converters.quantize.power import Power
from edgekit_converters.quantize.statistics import Range
from edgekit_converters.quantize.trail import TensorTrail


def compare_tensors(
    float_model: Path,
    quantized_model: Path,
    ranges: Mapping[str, Range],
    samples: Iterable[tuple[np.ndarray, ...]],
) -> tuple[TensorTrail, ...]:
    """Compare every activation of the float file with what stands for it in the quantized one.

    Args:
        float_model: The float file.
        quantized_model: The quantized one.
        ranges: Ranges of the float file's activations over the calibration samples.
        samples: For each sample one array per input of the float file.
    """
    twins, steps = _twins(quantized_model)
    expected = TensorReader(float_model, set(ranges))
    found = TensorReader(quantized_model, {twins.get(name, name) for name in ranges})
    powers = {name: Power() for name in ranges}
    for values in samples:
        wanted = {spec.name: activation for spec, activation in expected.run(values)}
        real = {spec.name: activation for spec, activation in found.run(values)}
        for name, activation in wanted.items():
            other = real.get(twins.get(name, name))
            if other is not None and other.shape == activation.shape:
                powers[name].add(activation, other)
    return tuple(
        _trail(name, expected.operators.get(name, ""), found_range, steps.get(name), powers[name])
        for name, found_range in ranges.items()
    )


def _trail(name: str, operator: str, found: Range, step: tuple[float, int] | None, power: Power) -> TensorTrail:
    scale, zero = step or (None, None)
    peak = power.peak_over_rms(found)
    return TensorTrail(name, operator, found.low, found.high, scale, zero, power.sqnr_db, peak)


def _twins(path: Path) -> tuple[dict[str, str], dict[str, tuple[float, int]]]:
    """From a tensor of the float file to what is read in its place, and to its scale and zero point."""
    graph = onnx.load_model(str(path)).graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    restored = {node.input[0]: node.output[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    outputs = {value.name for value in graph.output}
    twins, steps = {}, {}
    for node in graph.node:
        if node.op_type != "QuantizeLinear" or node.output[0] not in restored:
            continue
        twin = restored[node.output[0]]
        name = twin if twin in outputs else node.input[0]  # an output keeps its name behind the conversion
        twins[name] = twin
        scale, zero = (numpy_helper.to_array(constants[place]).ravel()[0] for place in node.input[1:3])
        steps[name] = float(scale), int(zero)
    return twins, steps
