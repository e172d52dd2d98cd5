"""Pad integers as integers: onnxruntime has the kernel, but does not take the conversions around it away."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import numpy_helper

from edgekit_converters.onnx.walk import read_inside

QUANTIZE, DEQUANTIZE, PAD = "QuantizeLinear", "DequantizeLinear", "Pad"


def pad_integers(model: Any) -> None:
    """Let each `Pad` between two conversions of one scale take the integers, with the zero point for 0.

    Args:
        model: A quantized `ModelProto`, which is changed.
    """
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    writers = {name: node for node in graph.node for name in node.output}
    readers: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    borders = {value.name for value in graph.output} | read_inside(graph)
    for node in [node for node in graph.node if node.op_type == PAD]:
        before, behind = writers.get(node.input[0]), readers.get(node.output[0], [])
        if before is None or before.op_type != DEQUANTIZE or len(behind) != 1 or node.output[0] in borders:
            continue
        after = behind[0]
        if after.op_type != QUANTIZE or not _one_scale(before, after, constants) or not _pads_zero(node, constants):
            continue
        axes = list(node.input[3:])
        del node.input[2:]
        node.input[0] = before.input[0]
        node.input.extend([before.input[2], *axes])
        node.output[0] = after.output[0]
        graph.node.remove(after)
        if before.output[0] not in borders and readers[before.output[0]] == [node]:
            graph.node.remove(before)


def _one_scale(before: Any, after: Any, constants: dict[str, Any]) -> bool:
    pairs = list(zip(before.input[1:], after.input[1:], strict=False))
    if len(before.input) != 3 or len(after.input) != 3:
        return False
    return all(
        one == other
        or (
            {one, other} <= constants.keys()
            and np.array_equal(numpy_helper.to_array(constants[one]), numpy_helper.to_array(constants[other]))
        )
        for one, other in pairs
    )


def _pads_zero(node: Any, constants: dict[str, Any]) -> bool:
    """Whether what is added is 0, or no constant at all."""
    mode = next((attribute.s for attribute in node.attribute if attribute.name == "mode"), b"constant")
    if mode != b"constant" or len(node.input) < 3 or not node.input[2]:
        return True
    name = node.input[2]
    return bool(name in constants and not numpy_helper.to_array(constants[name]).any())
