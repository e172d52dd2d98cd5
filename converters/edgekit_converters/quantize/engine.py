"""The only importer of ai-edge-quantizer, which writes quantized files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from edgekit_converters.quantize.statistics import Range
from edgekit_runtime.errors import ConversionError, MissingExtraError, first_line

try:
    from ai_edge_quantizer import model_modifier, params_generator, qtyping, recipe, recipe_manager
    from ai_edge_quantizer.transformations import transformation_utils
    from ai_edge_quantizer.utils import tfl_flatbuffer_utils
except ImportError as missing:
    raise MissingExtraError(
        "ai-edge-quantizer is not installed, so nothing can be quantized here.",
        hint="Run: pip install 'edgekit[keras]'",
    ) from missing

Graph = Any  # the engine ships no types; this file is their border

BIAS_INPUTS = {
    qtyping.TFLOperationName.CONV_2D: 2,
    qtyping.TFLOperationName.DEPTHWISE_CONV_2D: 2,
    qtyping.TFLOperationName.FULLY_CONNECTED: 2,
    qtyping.TFLOperationName.CONV_2D_TRANSPOSE: 3,
}
QUANTIZED_TYPES = (qtyping.TensorType.INT8, qtyping.TensorType.INT16)
LEAST_WEIGHTS = 1024  # of a tensor; the least number that TensorFlow's converter quantizes without calibration
LARGEST_BIAS = 2**30  # half of what int32 holds; the kernels add products to it
BIAS_TYPES = {0: np.float32, 2: np.int32, 4: np.int64}  # by their numbers in TensorFlow Lite's schema.fbs


def _float16() -> Any:
    manager = recipe_manager.RecipeManager()
    manager.add_weight_only_config(".*", "*", num_bits=16, algorithm_key="float_casting")
    return manager.get_quantization_recipe()


def _weights_worth_it(made: Callable[[], Any]) -> Callable[[], Any]:
    """A recipe that leaves small weights float, as TensorFlow's converter does: scales would cost what int8 saves."""

    def recipe_of() -> Any:
        entries = made()
        for entry in entries:
            entry["op_config"]["min_weight_elements"] = LEAST_WEIGHTS
        return entries

    return recipe_of


ENGINE_RECIPES: Mapping[str, Callable[[], Any]] = {
    "float16": _float16,
    "int8": recipe.static_wi8_ai8,
    "int8-dynamic": _weights_worth_it(recipe.dynamic_wi8_afp32),
    "int8-weight-only": _weights_worth_it(recipe.weight_only_wi8_afp32),
    "int16x8": recipe.static_wi8_ai16,
}


def engine_version() -> str:
    """The engine, with version."""
    return f"ai-edge-quantizer {version('ai-edge-quantizer')}"


def quantize_file(
    model: Path,
    scheme: str,
    output: Path,
    *,
    ranges: Mapping[str, Range] | None = None,
    float_tensors: Collection[str] = (),
) -> None:
    """Write a float `.tflite` by a scheme: weights per channel, activations per tensor.

    Args:
        model: The float file.
        scheme: Name of a scheme other than `float32`.
        output: Where to write.
        ranges: Ranges of the float file's activations, for a scheme that is calibrated; constants must
            not be among them, else the engine would take one scale for a whole weight.
        float_tensors: Inputs and outputs of the float file that stay float, with a conversion inside the file.

    Raises:
        ConversionError: The engine refuses.
    """
    try:
        content = _quantized(model.read_bytes(), scheme, ranges, float_tensors)
    except Exception as error:  # the engine raises many kinds; the user gets one line
        raise ConversionError(
            f"quantization: ai-edge-quantizer {_said(error)}",
            hint="Try another scheme, such as --quantize int8-dynamic or float32, and see the whole log with -v.",
        ) from error
    output.write_bytes(content)


def _quantized(
    content: bytes, scheme: str, ranges: Mapping[str, Range] | None, float_tensors: Collection[str]
) -> bytes:
    manager = recipe_manager.RecipeManager()
    manager.load_quantization_recipe(ENGINE_RECIPES[scheme]())
    graph = _read(content)
    statistics = None if ranges is None else _statistics(graph, ranges)
    generator = params_generator.ParamsGenerator(graph)
    parameters = generator.generate_quantization_parameters(manager, statistics, enable_progress_bar=False)
    quantized = model_modifier.ModelModifier(graph).modify_model(parameters, enable_progress_bar=False)
    return _with_float_border(_with_unread_outputs(bytes(quantized)), float_tensors)


def _said(error: Exception) -> str:
    """The engine's own words; Python's are about its code, and tell the user nothing."""
    if isinstance(error, TypeError | AttributeError | LookupError | AssertionError):
        return f"fails on this file (a {type(error).__name__} inside of it)."
    return f"refuses: {first_line(error)}"


def _read(content: bytes | bytearray) -> Graph:
    """A file's graph as the engine expects it, for it takes what others leave out for a fault or for a constant.

    Files of before 2020 have their operators' codes elsewhere; a graph or an operator may have no list of inputs, a
    tensor no list of sizes, and a buffer an empty list of values.
    """
    graph = tfl_flatbuffer_utils.read_model(memoryview(content))
    for code in graph.operatorCodes:
        code.builtinCode = max(code.builtinCode, code.deprecatedBuiltinCode)
    for part in graph.subgraphs:
        for one in (part, *(part.operators or ())):
            one.inputs = [] if one.inputs is None else one.inputs
            one.outputs = [] if one.outputs is None else one.outputs
        for tensor in part.tensors:
            tensor.shape = [] if tensor.shape is None else tensor.shape
    for buffer in graph.buffers:
        if buffer.data is not None and not len(buffer.data):
            buffer.data = None
    return graph


def _statistics(graph: Graph, ranges: Mapping[str, Range]) -> dict[str, dict[str, np.ndarray]]:
    """Ranges as the engine finds them itself: arrays of each tensor's rank, which constants of the same scale need."""
    ranks = {tensor.name.decode(): len(tensor.shape) for tensor in graph.subgraphs[0].tensors}
    shapes = {name: (1,) * ranks.get(name, 1) for name in ranges}
    return {
        name: {
            "min": np.full(shapes[name], found.low, np.float32),
            "max": np.full(shapes[name], found.high, np.float32),
        }
        for name, found in ranges.items()
    }


def _with_unread_outputs(content: bytes) -> bytes:
    """Quantize the outputs that nobody reads like the others of their operator.

    The engine leaves them float, and XNNPACK refuses an operator of two types: the first step of an
    unrolled LSTM splits off a gate that has nothing to forget.
    """
    graph = _read(content)
    main = graph.subgraphs[0]
    read = {place for operator in main.operators for place in operator.inputs} | set(main.outputs)
    changed = False
    for operator in main.operators:
        outputs = [main.tensors[place] for place in operator.outputs]
        typed = [tensor for tensor in outputs if tensor.type != qtyping.TensorType.FLOAT32]
        for place, tensor in zip(operator.outputs, outputs, strict=True):
            if typed and place not in read and tensor.type == qtyping.TensorType.FLOAT32:
                tensor.type, tensor.quantization = typed[0].type, typed[0].quantization
                changed = True
    return bytes(model_modifier.ModelModifier(graph).modify_model({})) if changed else content


def _with_float_border(content: bytes, names: Collection[str]) -> bytes:
    """Let inputs and outputs be float, by a conversion after or before each.

    The engine's own way is for all inputs or all outputs at once, and breaks a file whose last
    operator reads a tensor that is an output as well.
    """
    graph = tfl_flatbuffer_utils.read_model(memoryview(content))
    main = graph.subgraphs[0]
    places = [
        place
        for place, tensor in enumerate(main.tensors)
        if tensor.name.decode() in names and tensor.type in QUANTIZED_TYPES  # not those that hold tokens
    ]
    for place in places:
        tensor, name = main.tensors[place], main.tensors[place].name
        if place in main.inputs:
            tensor.name = name + b"_quantized"
            twin = _float_twin(main, name, tensor.shape)
            main.operators.insert(0, _operator(graph, qtyping.BuiltinOperator.QUANTIZE, twin, place))
            _replace(main.inputs, [signature.inputs for signature in graph.signatureDefs], place, twin)
        if place in main.outputs:
            twin = _float_twin(main, name + b"_dequantized", tensor.shape)
            main.operators.append(_operator(graph, qtyping.BuiltinOperator.DEQUANTIZE, place, twin))
            _replace(main.outputs, [signature.outputs for signature in graph.signatureDefs], place, twin)
    return bytes(model_modifier.ModelModifier(graph).modify_model({})) if places else content


def _float_twin(main: Graph, name: bytes, shape: Any) -> int:
    return int(transformation_utils.add_new_activation_tensor(name, shape, qtyping.TensorType.FLOAT32, main))


def _operator(graph: Graph, code: int, source: int, target: int) -> Any:
    operator = qtyping.OperatorT()
    operator.opcodeIndex = transformation_utils.add_op_code(code, graph.operatorCodes)
    operator.inputs, operator.outputs = [source], [target]
    return operator


def _replace(border: Any, signatures: Any, place: int, twin: int) -> None:
    border[:] = [twin if index == place else index for index in border]
    for entry in (entry for signature in signatures for entry in signature):
        entry.tensorIndex = twin if entry.tensorIndex == place else entry.tensorIndex


def float_constants(content: bytearray) -> dict[str, np.ndarray]:
    """The float32 constants of a file's main graph by name: views, so that what is written there is in the file.

    Args:
        content: The file.
    """
    graph = tfl_flatbuffer_utils.read_model(memoryview(content))
    found = {}
    for tensor in graph.subgraphs[0].tensors:
        data = graph.buffers[tensor.buffer].data
        if data is not None and tensor.type == qtyping.TensorType.FLOAT32:
            found[tensor.name.decode()] = np.frombuffer(data, np.float32)
    return found


@dataclass(frozen=True)
class Bias:
    """The bias of one operator, inside the bytes of a quantized file.

    Attributes:
        output: The tensor that the operator writes.
        stored: Its values, `(channels,)`: a view, so that what is written here is written into the file.
        scale: Real value of one step, for each channel or for all; `None` where it is float.
    """

    output: str
    stored: np.ndarray
    scale: np.ndarray | None

    def shift(self, amount: np.ndarray) -> None:
        """Add a real value to each channel, as near as its steps allow; where the sum would not fit, nothing is.

        Args:
            amount: What to add, `(channels,)`.
        """
        moved = self.stored + (amount if self.scale is None else np.rint(amount / self.scale))
        np.copyto(self.stored, moved, where=np.abs(moved) < LARGEST_BIAS, casting="unsafe")


def find_biases(content: bytearray) -> tuple[Bias, ...]:
    """Find the biases of a quantized file that belong to one operator each, in the order the operators run.

    Args:
        content: The file.
    """
    graph = _read(content)
    main = graph.subgraphs[0]
    users = [place for operator in main.operators for place in set(operator.inputs)]
    buffers = [main.tensors[place].buffer for place in users]
    found = []
    for operator in main.operators:
        code = graph.operatorCodes[operator.opcodeIndex].builtinCode
        place = BIAS_INPUTS.get(tfl_flatbuffer_utils.TFL_OP_CODE_TO_NAME.get(code), len(operator.inputs))
        if place >= len(operator.inputs) or operator.inputs[place] < 0:
            continue
        bias = main.tensors[operator.inputs[place]]
        data = graph.buffers[bias.buffer].data
        if data is not None and buffers.count(bias.buffer) == 1 and bias.type in BIAS_TYPES:
            found.append(_bias(main.tensors[operator.outputs[0]], bias, data))
    return tuple(found)


def _bias(output: Graph, bias: Graph, data: Any) -> Bias:
    scale = bias.quantization.scale if bias.quantization is not None else None
    stored = np.frombuffer(data, BIAS_TYPES[bias.type])
    return Bias(output.name.decode(), stored, None if scale is None else np.asarray(scale, np.float64))
