"""Drop the ReLUs and clips that the borders of a quantized range replace."""

from __future__ import annotations

from typing import Any

from onnx import numpy_helper

from edgekit_converters.onnx.walk import read_inside

# onnxruntime quantizes what these write in any case, so that values are clipped there.
WRITERS = frozenset({"Add", "Conv", "Gemm", "MatMul", "Mul"})


def absorb_clips(model: Any) -> tuple[str, ...]:
    """Let an operator write what the ReLU or clip behind it wrote.

    A range that was found behind a clip lies within its bounds, and with it every value that the quantized
    tensor can hold: clipping is what rounding into the range does. It needs 0 within the bounds, which the
    range always holds as well. The kernels then take the operator and its activation as one.

    Args:
        model: A `ModelProto` with inferred types, which is changed.

    Returns:
        The tensors that are gone.
    """
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    borders = {value.name for value in (*graph.input, *graph.output)} | read_inside(graph)
    writers = {name: node for node in graph.node for name in node.output}
    readers: dict[str, int] = {}
    for node in graph.node:
        for name in node.input:
            readers[name] = readers.get(name, 0) + 1
    gone = []
    for node in list(graph.node):
        source = node.input[0] if node.input else ""
        writer = writers.get(source)
        if writer is None or writer.op_type not in WRITERS or source in borders or readers[source] != 1:
            continue
        if _keeps_zero(node, constants):
            writer.output[0] = node.output[0]
            writers[node.output[0]] = writer
            graph.node.remove(node)
            gone.append(source)
    return tuple(gone)


def _keeps_zero(node: Any, constants: dict[str, Any]) -> bool:
    """Whether an operator is a ReLU, or a clip between constants with 0 among them."""
    if node.op_type == "Relu":
        return True
    if node.op_type != "Clip":
        return False
    low, high = (_bound(node, place, constants) for place in (1, 2))
    return (low is None or low <= 0) and (high is None or high >= 0)


def _bound(node: Any, place: int, constants: dict[str, Any]) -> float | None:
    if place >= len(node.input) or not node.input[place]:
        return None
    if node.input[place] not in constants:
        return float("nan")  # known only in a run; no comparison with it holds
    return float(numpy_helper.to_array(constants[node.input[place]]))
