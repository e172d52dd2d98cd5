"""How integers stand for real numbers in an ONNX graph: its tensors do not say so, the operators around them do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from edgekit_runtime.tensor import Quantization
from edgekit_targets.graph.graph import Operator, Tensor

RUNTIMES_OWN = "com.microsoft"  # operators that onnxruntime brings along
PACKED = f"{RUNTIMES_OWN}.MatMulNBits"
SCALE_TYPES = frozenset({"float32", "float16", "float64", "int8", "uint8", "int16", "uint16", "int32", "int64"})
OUTPUT = -1
# What a scale and a zero point belong to: inputs by their place, or the first output; then the places of both.
SIMPLE, BINARY = ((0, 1, 2), (OUTPUT, 3, 4)), ((0, 1, 2), (3, 4, 5), (OUTPUT, 6, 7))
SCALED: Mapping[str, tuple[tuple[int, int, int], ...]] = {
    "QuantizeLinear": ((OUTPUT, 1, 2),),
    "DequantizeLinear": ((0, 1, 2),),
    "QLinearConv": BINARY,
    "QLinearMatMul": BINARY,
    "QLinearAdd": BINARY,
    "QLinearMul": BINARY,
    "QGemm": ((0, 1, 2), (3, 4, 5), (OUTPUT, 7, 8)),
    **dict.fromkeys(
        ("QLinearAveragePool", "QLinearGlobalAveragePool", "QLinearLeakyRelu", "QLinearSigmoid", "QLinearSoftmax"),
        SIMPLE,
    ),
}

# Weights of integers whose scale is applied elsewhere, and scales and zero points of operators that keep none of the
# tensors above: by their places among the inputs.
WEIGHTS: Mapping[str, tuple[int, ...]] = {
    "ConvInteger": (1,),
    "MatMulInteger": (1,),
    "DynamicQuantizeMatMul": (1,),
    "MatMulIntegerToFloat": (1,),
    "DynamicQuantizeLSTM": (1, 2),
}
OTHER_SCALES: Mapping[str, tuple[int, ...]] = {
    "ConvInteger": (2, 3),
    "MatMulInteger": (2, 3),
    "DynamicQuantizeMatMul": (2, 3),
    "MatMulIntegerToFloat": (2, 3, 4, 5),
    "DynamicQuantizeLSTM": (8, 9, 10, 11),
    "MatMulNBits": (2, 3),
}


def attach_scales(tensors: list[Tensor], operators: Iterable[Operator]) -> None:
    """Give tensors of integers the scales with which operators read or write them, where the file fixes these."""
    for operator in operators:
        _mark(tensors, operator)
        if operator.name == PACKED:
            _unpack(tensors, operator)
        for owner, scale, zero_point in SCALED.get(_bare(operator), ()):
            places = operator.outputs[:1] if owner == OUTPUT else operator.inputs[owner : owner + 1]
            for place in places:
                if place is None or "float" in tensors[place].dtype:
                    continue
                block_size = operator.attributes.get("block_size", 0)
                if isinstance(block_size, int) and block_size > 0:
                    tensors[place] = replace(tensors[place], block_size=block_size)
                    continue
                scales = _numbers(tensors, operator.inputs, scale)
                zeros = _numbers(tensors, operator.inputs, zero_point)
                axis = _axis(operator) % max(1, len(tensors[place].shape))
                tensors[place] = replace(tensors[place], quantization=_quantization(scales, zeros, axis))


def _mark(tensors: list[Tensor], operator: Operator) -> None:
    """Tell what was learned from what only says how it is stored."""
    name = _bare(operator)
    scales = {place for _, *places in SCALED.get(name, ()) for place in places} | set(OTHER_SCALES.get(name, ()))
    for learned, places in ((False, scales), (True, WEIGHTS.get(name, ()))):
        for place in places:
            index = operator.inputs[place] if place < len(operator.inputs) else None
            if index is not None and tensors[index].data is not None:
                tensors[index] = replace(tensors[index], learned=learned)


def _unpack(tensors: list[Tensor], operator: Operator) -> None:
    """Weights that lie in bytes, several in each, as the matrix `(N, K)` that they are."""
    bits, rows, columns, block = (operator.attributes.get(name, 0) for name in ("bits", "N", "K", "block_size"))
    index = operator.inputs[1] if len(operator.inputs) > 1 else None
    if index is None or not (isinstance(rows, int) and isinstance(columns, int) and isinstance(block, int)):
        return
    tensors[index] = replace(tensors[index], dtype=f"uint{bits or 4}", shape=(rows, columns), block_size=block)


def _bare(operator: Operator) -> str:
    return operator.name.removeprefix(f"{RUNTIMES_OWN}.")


def _axis(operator: Operator) -> int:
    """The axis of several scales: told, else the first of a convolution's weights, the last of a matrix."""
    axis = operator.attributes.get("axis", 1)
    if len(SCALED[_bare(operator)]) == 1 and isinstance(axis, int):
        return axis
    return 0 if operator.name == "QLinearConv" else -1


def _quantization(scales: np.ndarray | None, zeros: np.ndarray | None, axis: int) -> Quantization | None:
    if scales is None or not np.isfinite(scales).all():
        return None
    points = np.zeros(scales.size) if zeros is None else zeros
    if points.size != scales.size:
        return None
    whole = tuple(float(scale) for scale in scales), tuple(int(zero) for zero in points)
    return Quantization(*whole, axis if scales.size > 1 else None)


def _numbers(tensors: list[Tensor], places: tuple[int | None, ...], place: int) -> np.ndarray | None:
    """The values of a constant among the inputs, in one row."""
    index = places[place] if place < len(places) else None
    if index is None or tensors[index].data is None or tensors[index].dtype not in SCALE_TYPES:
        return None
    return np.frombuffer(tensors[index].data or b"", tensors[index].dtype)
