"""Small `.tflite` files for tests, written without TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgekit_converters.quantize.calibrate import calibrate
from edgekit_converters.quantize.engine import quantize_file
from edgekit_converters.settings import SCHEMES
from edgekit_runtime.progress import silent

TYPES = {
    "bool": schema.TensorType.BOOL,
    "float32": schema.TensorType.FLOAT32,
    "int32": schema.TensorType.INT32,
    "int8": schema.TensorType.INT8,
}


@dataclass(frozen=True)
class Tensor:
    """A tensor of the file; a constant when it has data, and a state when it is variable."""

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    data: np.ndarray | None = None
    variable: bool = False


@dataclass(frozen=True)
class Operator:
    """An operator, by its name in the schema, between tensors by their names."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)


OPTIONS = {
    "ADD": "AddOptions",
    "SUB": "SubOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "GATHER": "GatherOptions",
    "LOG": "NONE",
    "RESHAPE": "NONE",
    "SELECT_V2": "SelectV2Options",
    "SOFTMAX": "SoftmaxOptions",
    "SPLIT": "SplitOptions",
    "UNIDIRECTIONAL_SEQUENCE_RNN": "SequenceRNNOptions",
}


def constant(name: str, data: np.ndarray) -> Tensor:
    """A tensor with a value."""
    return Tensor(name, data.shape, data.dtype.name, data)


def write_tflite(
    path: Path,
    tensors: Sequence[Tensor],
    operators: Sequence[Operator],
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
    *,
    signature: bool = True,
) -> Path:
    """Write a file with one graph.

    Args:
        path: Where to.
        tensors: All of them; an input, output or constant each.
        operators: In the order they run.
        inputs: From signature name to tensor.
        outputs: From signature name to tensor.
        signature: Whether the file has one.
    """
    places = {tensor.name: i for i, tensor in enumerate(tensors)}
    model = schema.ModelT()
    model.version = 3
    model.buffers = [_buffer(None), *(_buffer(tensor.data) for tensor in tensors)]
    kinds = sorted({operator.kind for operator in operators})
    model.operatorCodes = [_code(kind) for kind in kinds]
    graph = schema.SubGraphT()
    graph.name = "main"
    graph.tensors = [_tensor(tensor, i + 1) for i, tensor in enumerate(tensors)]
    graph.operators = [_operator(operator, kinds.index(operator.kind), places) for operator in operators]
    graph.inputs = [places[name] for name in inputs.values()]
    graph.outputs = [places[name] for name in outputs.values()]
    model.subgraphs = [graph]
    if signature:
        model.signatureDefs = [_signature(inputs, outputs, places)]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def write_dense(path: Path, *, seed: int = 0, gain: float = 1.0, signature: bool = True, width: int = 6) -> Path:
    """Two dense layers, `x (1, 8) -> hidden (1, width) -> y (1, 3)`, the first with ReLU.

    The signature calls them `features` and `scores`.

    Args:
        path: Where to.
        seed: Seed of the weights; rows differ in size, so that one scale for all would be coarse.
        gain: Factor of all weights.
        signature: Whether the file has one.
        width: Of the hidden layer.
    """
    first, first_bias, second, second_bias = dense_parameters(seed=seed, gain=gain, width=width)
    tensors = [
        Tensor("x", (1, 8)),
        constant("first_weights", first),
        constant("first_bias", first_bias),
        Tensor("hidden", (1, width)),
        constant("second_weights", second),
        constant("second_bias", second_bias),
        Tensor("y", (1, 3)),
    ]
    relu = {"fusedActivationFunction": schema.ActivationFunctionType.RELU}
    operators = [
        Operator("FULLY_CONNECTED", ("x", "first_weights", "first_bias"), ("hidden",), relu),
        Operator("FULLY_CONNECTED", ("hidden", "second_weights", "second_bias"), ("y",)),
    ]
    return write_tflite(path, tensors, operators, {"features": "x"}, {"scores": "y"}, signature=signature)


def dense_parameters(*, seed: int = 0, gain: float = 1.0, width: int = 6) -> tuple[np.ndarray, ...]:
    """Weights `(width, 8)` and bias of the dense model's first layer, weights `(3, width)` and bias of its second."""
    random = np.random.default_rng(seed)
    rows = (2.0 ** (np.arange(width) % 6 - 4.0))[:, None]
    first = (gain * rows * random.normal(size=(width, 8))).astype(np.float32)
    second = (gain * random.normal(size=(3, width))).astype(np.float32)
    return first, random.normal(size=width).astype(np.float32), second, random.normal(size=3).astype(np.float32)


def dense_samples(count: int, *, seed: int = 1) -> np.ndarray:
    """Inputs of the dense model, `(count, 8)`."""
    return np.random.default_rng(seed).uniform(-1, 1, (count, 8)).astype(np.float32)


def write_int8_dense(folder: Path, *, seed: int = 0, float_tensors: Sequence[str] = ()) -> tuple[Path, Path]:
    """The dense model as float and as static INT8, calibrated on 64 samples."""
    return write_quantized_dense(folder, "int8", seed=seed, float_tensors=float_tensors)


def write_quantized_dense(
    folder: Path, scheme: str, *, seed: int = 0, float_tensors: Sequence[str] = (), width: int = 6
) -> tuple[Path, Path]:
    """The dense model as float and by a scheme, calibrated on 64 samples where the scheme is."""
    model, output = write_dense(folder / "float.tflite", seed=seed, width=width), folder / f"{scheme}.tflite"
    samples = ((sample[None],) for sample in dense_samples(64))
    ranges = calibrate(model, samples, 64, silent) if SCHEMES[scheme].calibrated else None
    quantize_file(model, scheme, output, ranges=ranges, float_tensors=float_tensors)
    return model, output


def write_two_by_two(path: Path) -> Path:
    """`a (1, 4)`, `b (1, 4)` -> `a + b`, `a - b`; the file lists its inputs and outputs the other way round."""
    tensors = [Tensor(name, (1, 4)) for name in ("t_a", "t_b", "t_sum", "t_difference")]
    operators = [
        Operator("ADD", ("t_a", "t_b"), ("t_sum",)),
        Operator("SUB", ("t_a", "t_b"), ("t_difference",)),
    ]
    outputs = {"difference": "t_difference", "sum": "t_sum"}
    return write_tflite(path, tensors, operators, {"b": "t_b", "a": "t_a"}, outputs)


def write_log(path: Path) -> Path:
    """`x (1, 4) -> log x`: NaN below zero, infinite at zero."""
    tensors = [Tensor("x", (1, 4)), Tensor("y", (1, 4))]
    return write_tflite(path, tensors, [Operator("LOG", ("x",), ("y",))], {"x": "x"}, {"y": "y"})


def write_gather(path: Path) -> Path:
    """`index (1,) int32 -> row (1,)` of a table of four: any other index makes the operator fail."""
    tensors = [
        Tensor("index", (1,), "int32"),
        constant("table", np.arange(4, dtype=np.float32)),
        Tensor("row", (1,)),
    ]
    operators = [Operator("GATHER", ("table", "index"), ("row",), {"axis": 0})]
    return write_tflite(path, tensors, operators, {"index": "index"}, {"row": "row"})


def write_half_read(path: Path) -> Path:
    """Split `x (1, 4)` into `left` and `right`, which nobody reads, and give `y = left + left`."""
    tensors = (
        constant("axis", np.array(1, np.int32)),
        Tensor("x", (1, 4)),
        *(Tensor(name, (1, 2)) for name in ("left", "right", "y")),
    )
    split = Operator("SPLIT", ("axis", "x"), ("left", "right"), {"numSplits": 2})
    return write_tflite(path, tensors, (split, Operator("ADD", ("left", "left"), ("y",))), {"x": "x"}, {"y": "y"})


def write_free_batch(path: Path) -> Path:
    """The dense model with a free batch axis: `x (-1, 8) -> y (-1, 3)`."""
    return free_batch(write_dense(path))


def free_batch(path: Path) -> Path:
    """Free the first axis of a file's inputs and activations, as a model has it that was exported without a batch."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes()))
    for tensor in model.subgraphs[0].tensors:
        if tensor.buffer == 0:
            tensor.shapeSignature = [-1, *tensor.shape[1:]]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def write_stubborn(path: Path) -> Path:
    """`x (-1, 4)` and a constant -> `y (1, 4)`, which does not depend on it: its batch stays 1."""
    tensors = [Tensor("x", (1, 4)), constant("one", np.ones((1, 4), np.float32)), Tensor("y", (1, 4))]
    return free_batch(write_tflite(path, tensors, [Operator("ADD", ("one", "one"), ("y",))], {"x": "x"}, {"y": "y"}))


def write_recurrent(path: Path) -> Path:
    """`x (1, 3, 2) -> y (1, 3, 2)`: y[t] = x[t] + y[t - 1] / 2, with a state that outlives a run."""
    tensors = [
        Tensor("x", (1, 3, 2)),
        constant("weights", np.eye(2, dtype=np.float32)),
        constant("recurrent_weights", np.eye(2, dtype=np.float32) / 2),
        constant("bias", np.zeros(2, np.float32)),
        Tensor("state", (1, 2), variable=True),
        Tensor("y", (1, 3, 2)),
    ]
    names = ("x", "weights", "recurrent_weights", "bias", "state")
    operators = [Operator("UNIDIRECTIONAL_SEQUENCE_RNN", names, ("y",))]
    return write_tflite(path, tensors, operators, {"x": "x"}, {"y": "y"})


def _buffer(data: np.ndarray | None) -> Any:
    buffer = schema.BufferT()
    if data is not None:
        buffer.data = np.frombuffer(data.tobytes(), np.uint8)
    return buffer


def _code(kind: str) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, kind)
    code.deprecatedBuiltinCode = min(127, code.builtinCode)
    return code


def _tensor(tensor: Tensor, buffer: int) -> Any:
    packed = schema.TensorT()
    packed.name, packed.shape, packed.type = tensor.name, list(tensor.shape), TYPES[tensor.dtype]
    packed.buffer = buffer if tensor.data is not None else 0
    packed.isVariable = tensor.variable
    return packed


def _operator(operator: Operator, code: int, places: Mapping[str, int]) -> Any:
    packed = schema.OperatorT()
    packed.opcodeIndex = code
    packed.inputs = [places[name] for name in operator.inputs]
    packed.outputs = [places[name] for name in operator.outputs]
    options = OPTIONS[operator.kind]
    packed.builtinOptionsType = getattr(schema.BuiltinOptions, options)
    if options != "NONE":
        packed.builtinOptions = getattr(schema, f"{options}T")()
        for name, value in operator.options.items():
            setattr(packed.builtinOptions, name, value)
    return packed


def _signature(inputs: Mapping[str, str], outputs: Mapping[str, str], places: Mapping[str, int]) -> Any:
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = "serve", 0
    signature.inputs = [_entry(name, places[tensor]) for name, tensor in inputs.items()]
    signature.outputs = [_entry(name, places[tensor]) for name, tensor in outputs.items()]
    return signature


def _entry(name: str, place: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, place
    return entry
