"""Twins of `.tflite` files: the same operators in int8, or with a batch of one, to be judged and never run.

A twin stands in for what a conversion of the source would give, before there are samples to convert it with: its
weights are those of the file in int8, as conversions round them; the scales of its values are made up.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgekit_runtime.errors import ModelError
from edgekit_targets.graph.graph import Graph, Subgraph, Tensor
from edgekit_targets.graph.tflite import ASTRAY, INSIDE_FILE, OMITTED, read_tflite
from edgekit_targets.graph.tflite_write import packed, schema

SCALE = 6 / 255  # of values, as RELU6 leaves them; biases take it, too: no rule turns on theirs
# What conversions keep a bias within, in int32: channels that are next to nothing beside it become zeros.
LARGEST_BIAS = 2**30
FLOATS = ("float32", "float16")
STEPS = 127  # on each side of zero, as conversions round weights
CHANNEL_AXIS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0, "TRANSPOSE_CONV": 0}
"""Of operators with weights as their second input: the axis with a scale for each channel."""
BIAS = {"CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "FULLY_CONNECTED": 2, "TRANSPOSE_CONV": 3}
"""Which input of them is the bias."""
QUANTIZABLE = frozenset(
    "ADD AVERAGE_POOL_2D BATCH_MATMUL BROADCAST_TO CONCATENATION CONV_2D DEPTHWISE_CONV_2D DIV "  # noqa: SIM905  # a list of so many is a page
    "DYNAMIC_UPDATE_SLICE EQUAL EXPAND_DIMS FULLY_CONNECTED GATHER GATHER_ND GELU HARD_SWISH LEAKY_RELU LOGISTIC "
    "MAXIMUM MAX_POOL_2D MEAN MINIMUM MIRROR_PAD MUL NOT_EQUAL PACK PAD PADV2 PRELU REDUCE_MAX REDUCE_MIN RELU RELU6 "
    "RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR RSQRT SELECT SELECT_V2 SHAPE SLICE SOFTMAX SPACE_TO_DEPTH SPLIT "
    "SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM TANH TRANSPOSE TRANSPOSE_CONV UNPACK".split()
)
"""Operators that a conversion quantizes: ai-edge-quantizer 0.10's static_wi8_ai8, and those of TensorFlow's own
converter that differ from them in little. Of any other it is not known what becomes of it."""


class NoTwin(Exception):  # noqa: N818  # not an error: the answer is that there is none
    """What a conversion would give is not known; its text is the reason, for the user."""


def write_twin(source: Path, graph: Graph, target: Path, *, integer: bool, fixed: bool) -> Graph:
    """Write a twin of a file, and read it.

    Args:
        source: The `.tflite` file.
        graph: What it computes.
        target: The twin's file.
        integer: Whether its floats become int8, biases int32.
        fixed: Whether an open batch becomes one of 1.

    Raises:
        NoTwin: It is not known what a conversion would give.
    """
    if fixed:
        _check_batch(graph)
    if integer and not any(tensor.dtype in FLOATS for part in graph.subgraphs for tensor in part.tensors):
        raise NoTwin("of another quantization it shows only once it is done")
    try:
        model = schema.ModelT.InitFromPackedBuf(source.read_bytes(), 0)
        _check_buffers(model)
        if fixed:
            _fix_shapes(model)
        if integer:
            for subgraph, read in zip(model.subgraphs, graph.subgraphs, strict=True):
                _Quantizer(model, subgraph, read).run()
            _drop_unread(model)
        target.write_bytes(packed(model))
        return read_tflite(target)
    except (*ASTRAY, AttributeError, ValueError, ModelError) as error:
        raise NoTwin("the file has tables that cannot be written anew") from error


def _check_batch(graph: Graph) -> None:
    """Only of a batch it is known what it is to be, and only where the file has the shapes that follow from it."""
    main = graph.main
    beyond = any(axis > 0 for tensor in main.tensors_of(main.inputs) for axis in tensor.free_axes)
    reshapes = [main.tensors_of((op.inputs[0], op.outputs[0])) for op in main.operators if op.name == "RESHAPE"]
    uneven = any(len({tensor.elements for tensor in pair}) > 1 for pair in reshapes)
    if beyond or uneven or any(-1 in tensor.shape for tensor in main.tensors):
        raise NoTwin("its cost follows from the lengths that you give")


def _check_buffers(model: Any) -> None:
    if any(buffer.offset > INSIDE_FILE for buffer in model.buffers):
        raise NoTwin("its constants lie behind its tables")


def _drop_unread(model: Any) -> None:
    """Take out the floats that int8 has replaced."""
    read = {tensor.buffer for subgraph in model.subgraphs for tensor in subgraph.tensors}
    read |= {entry.buffer for entry in model.metadata or ()}
    for place, buffer in enumerate(model.buffers):
        if place not in read:
            buffer.data = None


def _fix_shapes(model: Any) -> None:
    for subgraph in model.subgraphs:
        for tensor in subgraph.tensors:
            tensor.shapeSignature = None


@dataclass(frozen=True)
class _Weights:
    """What a constant is to an operator that multiplies by it.

    Attributes:
        axis: With a scale for each place on it.
        bias: The operator's bias; `None` without one.
    """

    axis: int
    bias: Tensor | None


class _Quantizer:
    """Turns the floats of one graph into int8."""

    def __init__(self, model: Any, subgraph: Any, read: Subgraph) -> None:
        self._model = model
        self._subgraph = subgraph
        self._tensors = read.tensors
        self._operators = self._without_conversions(read)

    def run(self) -> None:
        self._check()
        weights, biases = self._roles()
        for place, tensor in enumerate(self._tensors):
            if tensor.dtype not in FLOATS:
                continue
            if place in biases:
                self._quantize(place, np.zeros(tensor.shape, np.int32), np.array([SCALE]))
            elif tensor.data is None:
                self._quantize(place, None, np.array([SCALE]))
            else:
                self._quantize(place, *_rounded(tensor, weights.get(place)), weights.get(place))

    def _without_conversions(self, read: Subgraph) -> list[tuple[str, Any]]:
        """Take out conversions of constants to float: who reads one takes the constant itself."""
        folded: dict[int, int] = {}
        kept: list[tuple[str, Any]] = []
        for told, operator in zip(read.operators, self._subgraph.operators, strict=True):
            source = told.inputs[0] if told.name == "DEQUANTIZE" else None
            if source is not None and read.tensors[source].data is not None:
                folded[int(operator.outputs[0])] = source
                continue
            operator.inputs = [folded.get(int(place), int(place)) for place in _places(operator.inputs)]
            kept.append((told.name, operator))
        self._subgraph.operators = [operator for _, operator in kept]
        return kept

    def _check(self) -> None:
        for name, operator in self._operators:
            places = [*_places(operator.inputs), *_places(operator.outputs)]
            floats = any(place >= 0 and "float" in self._tensors[place].dtype for place in places)
            if floats and name not in QUANTIZABLE:
                raise NoTwin(f"quantizing may leave {name} in float")

    def _roles(self) -> tuple[dict[int, _Weights], set[int]]:
        """The weights among the constants, and the biases; all others are values."""
        weights: dict[int, _Weights] = {}
        biases: set[int] = set()
        for name, operator in self._operators:
            if name in BIAS:
                bias = operator.inputs[BIAS[name]] if len(operator.inputs) > BIAS[name] else OMITTED
                weights[operator.inputs[1]] = _Weights(CHANNEL_AXIS[name], self._tensors[bias] if bias >= 0 else None)
                biases |= {bias} - {OMITTED}
        return weights, biases

    def _quantize(
        self, place: int, values: np.ndarray | None, scale: np.ndarray, weights: _Weights | None = None
    ) -> None:
        tensor = self._subgraph.tensors[place]
        wide = values is not None and values.dtype == np.int32
        tensor.type = schema.TensorType.INT32 if wide else schema.TensorType.INT8
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = scale.astype(np.float32)
        tensor.quantization.zeroPoint = np.zeros(len(scale), np.int64)
        tensor.quantization.quantizedDimension = 0 if weights is None else weights.axis
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            tensor.buffer = len(self._model.buffers)
            self._model.buffers.append(buffer)


def _places(found: Any) -> Any:
    return () if found is None else found


def _rounded(tensor: Tensor, weights: _Weights | None) -> tuple[np.ndarray, np.ndarray]:
    """A constant in steps of its scale, and the scale: one for each channel of weights, else that of all values."""
    values = _floats(tensor)
    with np.errstate(invalid="ignore", over="ignore"):  # what is no number becomes any step: nobody runs it
        scale = np.array(SCALE) if weights is None else _scale(values, weights)
        np.multiply(values, (1 / scale).astype(np.float32), out=values)
        return np.clip(np.rint(values, out=values), -STEPS, STEPS, out=values).astype(np.int8), scale.reshape(-1)


def _scale(values: np.ndarray, weights: _Weights) -> np.ndarray:
    """From the largest weight of each channel; no less than its bias needs."""
    others = tuple(axis for axis in range(values.ndim) if axis != weights.axis)
    most = np.maximum(values.max(others, keepdims=True, initial=0.0), -values.min(others, keepdims=True, initial=0.0))
    scale = np.where(np.isfinite(most) & (most > 0), most / STEPS, 1.0)
    if weights.bias is not None and weights.bias.elements == scale.size:
        scale = np.maximum(scale, np.abs(_floats(weights.bias)).reshape(scale.shape) / (SCALE * LARGEST_BIAS))
    return scale


def _floats(tensor: Tensor) -> np.ndarray:
    if tensor.data is None or tensor.data.nbytes != tensor.size_bytes or tensor.dtype not in FLOATS:
        raise NoTwin("it has constants that are not stored value by value")
    return np.frombuffer(tensor.data, tensor.dtype).reshape(tensor.shape).astype(np.float32)
