"""What finished files have in common as sources: they run one sample at a time, and their types are fixed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from edgekit_converters.binding import Border
from edgekit_converters.settings import NamedType
from edgekit_runtime.errors import ModelError, RecipeError
from edgekit_runtime.interpreter import Interpreter
from edgekit_runtime.samples import real_samples, stored_input
from edgekit_runtime.tensor import TensorSpec

Sample = Mapping[str, np.ndarray]


def predict_each(border: Border, inputs: Sample, run: Callable[[Sample], list[np.ndarray]]) -> dict[str, np.ndarray]:
    """Outputs by name for several samples, each `(N, ...)`, as real values.

    Args:
        border: Inputs and outputs of the file.
        inputs: By name, each `(N, ...)`.
        run: Gives the stored outputs of one sample, in the border's order.
    """
    count = len(next(iter(inputs.values())))
    rows = [run({name: values[i] for name, values in inputs.items()}) for i in range(count)]
    return {
        binding.source.name: real_samples(np.stack([row[k] for row in rows]), binding)
        for k, binding in enumerate(border.outputs)
    }


def set_inputs(interpreter: Interpreter, border: Border, sample: Sample) -> None:
    """Hand one sample to an interpreter.

    Args:
        interpreter: Has the file loaded.
        border: Its inputs and outputs.
        sample: Inputs by name, without batch axis.
    """
    for k, i in enumerate(border.file_order):
        binding = border.inputs[i]
        interpreter.set_input(k, stored_input(sample[binding.source.name], binding))


def check_inputs(path: Path, inputs: tuple[TensorSpec, ...]) -> None:
    """Refuse a file that there is nothing to give to.

    Args:
        path: The file, for the error.
        inputs: Its inputs.

    Raises:
        ModelError: It has none.
    """
    if not inputs:
        raise ModelError(
            f"{path}: it has no inputs, so its answers are always the same; allowed: at least one input.",
            hint="Convert the model that the file was exported from.",
        )


def check_types(asked: tuple[NamedType, ...], inputs: tuple[TensorSpec, ...], model_format: str) -> None:
    """Refuse types that are not a finished file's.

    Args:
        asked: What the user asked for; an empty name is the first input's.
        inputs: The file's.
        model_format: `tflite` or `onnx`.

    Raises:
        RecipeError: There is such a type.
    """
    known = {spec.name: spec.dtype for spec in inputs}
    for one in asked:
        name = one.name or inputs[0].name
        if known.get(name) != one.dtype:
            raise RecipeError(
                f"--dtype {name}={one.dtype}: types in a finished .{model_format} file are fixed: "
                + "; ".join(f"{spec.name} is {spec.dtype}" for spec in inputs)
                + "."
            )
