"""Which types a file's inputs and outputs take: what was asked for, and whether scheme and model allow it."""

from __future__ import annotations

from edgekit_converters.settings import SCHEMES, NamedType, QuantizeSettings, Scheme
from edgekit_converters.source import SourceInfo
from edgekit_runtime.errors import RecipeError
from edgekit_runtime.tensor import TensorSpec

FLOAT = "float32"
BORDER_TYPES = tuple(dict.fromkeys(dtype for scheme in SCHEMES.values() for dtype in reversed(scheme.border_types)))


def choose_types(
    border: str, asked: tuple[str, ...], scheme: Scheme, model_format: str
) -> tuple[str, tuple[NamedType, ...]]:
    """Read what was asked for the types of one border.

    Args:
        border: `input` or `output`.
        asked: Each a type, for all of them, or `NAME=TYPE`.
        scheme: What the file is made by.
        model_format: `tflite` or `onnx`.

    Returns:
        The type of all, and those of the ones that were named.

    Raises:
        RecipeError: A type is unknown or not the scheme's, or two contradict each other.
    """
    chosen: dict[str, str] = {}
    for text in asked:
        name, _, dtype = text.rpartition("=")
        _check_type(f"--{border}-dtype {text}", dtype, scheme, model_format)
        if chosen.setdefault(name, dtype) != dtype:
            whose = f"{border} {name}" if name else f"all {border}s"
            raise RecipeError(f"--{border}-dtype asks for {chosen[name]} and for {dtype} for {whose}; allowed: one.")
    general = chosen.pop("", scheme.types_for(model_format)[0])
    return general, tuple(NamedType(name, dtype) for name, dtype in chosen.items())


def check_names(settings: QuantizeSettings, info: SourceInfo) -> None:
    """Refuse names that the model lacks, and types for inputs and outputs that are no float there.

    Args:
        settings: What was asked for.
        info: The loaded model.

    Raises:
        RecipeError: There is such a name.
    """
    for border, named, specs in (
        ("input", settings.named_inputs, info.inputs),
        ("output", settings.named_outputs, info.outputs),
    ):
        for asked in named:
            _check_name(border, asked, specs)


def _check_type(option: str, dtype: str, scheme: Scheme, model_format: str) -> None:
    if dtype not in BORDER_TYPES:
        raise RecipeError(f"{option}: unknown type; allowed: {', '.join(BORDER_TYPES)}.")
    if dtype not in scheme.types_for(model_format):
        others = [other.name for other in SCHEMES.values() if dtype in other.border_types]
        if model_format != "tflite":
            raise RecipeError(f"{option}: inputs and outputs of an .onnx file stay float32.", hint="Leave it out.")
        raise RecipeError(
            f"{option} needs --quantize {' or '.join(others)}; the scheme is {scheme.name}, "
            f"which allows: {', '.join(scheme.border_types)}.",
            hint="Leave one of the two out.",
        )


def _check_name(border: str, asked: NamedType, specs: tuple[TensorSpec, ...]) -> None:
    option = f"--{border}-dtype {asked.name}={asked.dtype}"
    spec = next((spec for spec in specs if spec.name == asked.name), None)
    if spec is None:
        names = ", ".join(spec.name for spec in specs)
        raise RecipeError(f"{option}: the model has no {border} of this name; allowed: {names}.")
    if spec.dtype != FLOAT:
        raise RecipeError(f"{option}: this {border} is {spec.dtype} in the model, and stays so.")
