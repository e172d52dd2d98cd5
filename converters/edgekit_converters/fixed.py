"""What a finished file lays down: types of inputs that were asked for must be its own."""

from __future__ import annotations

from edgekit_converters.settings import NamedType
from edgekit_runtime.errors import RecipeError
from edgekit_runtime.tensor import TensorSpec


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
