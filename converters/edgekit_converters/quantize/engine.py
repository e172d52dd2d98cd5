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
    from ai_edge_quantizer.utils import tfl_flatbuffer_utils
except ImportError as missing:
    raise MissingExtraError(
        "ai-edge-quantizer is not installed, so nothing can be quantized here.",
        hint="Run: pip install 'edgekit[keras]'",
    ) from missing

Graph = Any  # the engine ships no types; this file is their border

BORDER = -1  # the engine's number for the operator that stands for all inputs, or for all outputs
BIAS_INPUTS = {
    qtyping.TFLOperationName.CONV_2D: 2,
    qtyping.TFLOperationName.DEPTHWISE_CONV_2D: 2,
    qtyping.TFLOperationName.FULLY_CONNECTED: 2,
    qtyping.TFLOperationName.CONV_2D_TRANSPOSE: 3,
}
LARGEST_BIAS = 2**30  # half of what int32 holds; the kernels add products to it
BIAS_TYPES = {0: np.float32, 2: np.int32, 4: np.int64}  # by their numbers in TensorFlow Lite's schema.fbs


def _float16() -> Any:
    manager = recipe_manager.RecipeManager()
    manager.add_weight_only_config(".*", "*", num_bits=16, algorithm_key="float_casting")
    return manager.get_quantization_recipe()


ENGINE_RECIPES: Mapping[str, Callable[[], Any]] = {
    "float16": _float16,
    "int8": recipe.static_wi8_ai8,
    "int8-dynamic": recipe.dynamic_wi8_afp32,
    "int8-weight-only": recipe.weight_only_wi8_afp32,
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
    statistics = None
    if ranges is not None:
        statistics = {
            name: {"min": np.array([found.low], np.float32), "max": np.array([found.high], np.float32)}
            for name, found in ranges.items()
        }
    try:
        content = _quantized(model.read_bytes(), scheme, statistics, float_tensors)
    except Exception as error:  # the engine raises many kinds; the user gets one line
        raise ConversionError(
            f"quantization: ai-edge-quantizer refuses: {first_line(error)}",
            hint="Try another scheme, such as --quantize int8-dynamic or float32, and see the whole log with -v.",
        ) from error
    output.write_bytes(content)


def _quantized(content: bytes, scheme: str, statistics: Any, float_tensors: Collection[str]) -> bytes:
    manager = recipe_manager.RecipeManager()
    manager.load_quantization_recipe(ENGINE_RECIPES[scheme]())
    graph = tfl_flatbuffer_utils.read_model(content)
    generator = params_generator.ParamsGenerator(graph)
    parameters = generator.generate_quantization_parameters(manager, statistics, enable_progress_bar=False)
    for name in float_tensors:
        _keep_float(parameters[name])
    modifier = model_modifier.ModelModifier(graph)
    return bytes(modifier.modify_model(parameters, enable_progress_bar=False))


def _keep_float(parameters: Any) -> None:
    """Leave a tensor float where it meets the outside; a recipe could only do so for all inputs or outputs at once."""
    untouched = qtyping.OpToTensorParams(BORDER, [qtyping.QuantTransformation.NO_QUANTIZE])
    if parameters.producer is not None and parameters.producer.subgraph_op_id == BORDER:
        parameters.producer = untouched
    if parameters.consumers is not None:
        parameters.consumers = [
            untouched if consumer.subgraph_op_id == BORDER else consumer for consumer in parameters.consumers
        ]


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
    graph = tfl_flatbuffer_utils.read_model(memoryview(content))
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
