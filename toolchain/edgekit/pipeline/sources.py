"""How a source is loaded, and which format it can become on a target."""

from __future__ import annotations

from pathlib import Path

from edgekit.pipeline.choice import Choice
from edgekit.pipeline.request import Request
from edgekit_converters.frameworks import Framework
from edgekit_converters.settings import DataSettings, NamedShape, NamedType, SourceSettings
from edgekit_runtime.errors import RecipeError
from edgekit_targets.npu import COMPILES
from edgekit_targets.profile import Profile

FORMATS = ("tflite", "onnx")
INPUT_TYPES = ("float32", "float16", "float64", "int8", "uint8", "int16", "int32", "int64", "bool")


def choose_format(asked: str | None, framework: Framework, target: Profile) -> tuple[str, Choice]:
    """Choose the format of the file in the bundle.

    Args:
        asked: What the user asked for; `None` leaves it to the target.
        framework: What loads the source.
        target: The target, whose runtimes are tried in their order.

    Raises:
        RecipeError: The framework does not write the format, or the target has no runtime for it.
    """
    offered = target.formats
    if asked is not None and asked not in FORMATS:
        raise RecipeError(f"--format {asked}: unknown format; allowed: {', '.join(FORMATS)}.")
    wanted = (asked,) if asked is not None else offered
    made = [name for name in wanted if name in framework.exports]
    if not made:
        raise RecipeError(
            f"{_called(framework)} does not become {' or '.join(wanted)}; allowed: {', '.join(framework.exports)}.",
            hint=_other_route(framework, target, offered),
        )
    if made[0] not in offered:
        raise RecipeError(f"--format {made[0]}: {target.name} has no runtime for it; allowed: {', '.join(offered)}.")
    why = _format_reason(made[0], target)
    if asked is None and made[0] != offered[0]:
        why += f", and {_called(framework)} does not become {offered[0]}"
    return made[0], Choice("format", made[0], why)


def _called(framework: Framework) -> str:
    article = "an" if framework.name == "onnx" else "a"
    return f"{article} {'.' if framework.name in FORMATS else ''}{framework.name} model"


def _format_reason(model_format: str, target: Profile) -> str:
    """What of the target reads a format."""
    npu = target.npu
    if npu is not None and model_format in COMPILES[npu.family]:
        return f"the compiler for the {npu.model.value} reads it"
    runtime = next(runtime for runtime in target.runtimes if runtime.format == model_format)
    order = "the first runtime" if runtime == target.runtimes[0] else "a runtime"
    return f"{runtime.name} {runtime.version} is {order} of {target.name}"


def source_settings(request: Request, source_format: str) -> SourceSettings:
    """How the source is loaded, as far as it was asked for.

    Args:
        request: What the user asked for.
        source_format: What the source is.

    Raises:
        RecipeError: A shape or a type cannot be read, or the weights are no file.
    """
    if request.weights is not None and source_format != "torch-code":
        raise RecipeError(
            f"--weights {request.weights}: {request.model} brings its own weights; allowed with code that makes a "
            "PyTorch model, as file.py:function or module:Class."
        )
    if request.weights is not None and not request.weights.is_file():
        raise RecipeError(f"--weights {request.weights}: no such file.", hint="Check the path.")
    return SourceSettings(
        path=str(request.model),
        format=source_format,
        trust=request.trust,
        custom=request.custom,
        weights=None if request.weights is None else str(request.weights),
        shapes=tuple(map(_read_shape, request.shapes)),
        dtypes=tuple(map(_read_dtype, request.dtypes)),
    )


def live_settings(request: Request) -> SourceSettings:
    """What was asked for about a live model's inputs.

    Raises:
        RecipeError: A shape or a type cannot be read, or weights were given, too.
    """
    name = type(request.model).__name__
    if request.weights is not None:
        raise RecipeError(f"weights {request.weights}: the live {name} brings its own; allowed with code alone.")
    data = request.calibrate or request.evaluate
    return SourceSettings(
        path=f"the live {name}",
        format="live",
        shapes=tuple(map(_read_shape, request.shapes)),
        dtypes=tuple(map(_read_dtype, request.dtypes)),
        sample=None if data is None else DataSettings(str(data), request.samples, request.seed, request.pictures),
    )


def source_name(model: Path) -> str:
    """What a source is called: a file's name without its ending, or that of the code that makes it."""
    return model.name.rpartition(":")[2] if ":" in model.name and not model.exists() else model.stem


def is_quantized(source: SourceSettings) -> bool:
    """Whether a source is a finished file whose weights or activations are quantized already.

    Raises:
        ModelError: The file is damaged.
    """
    if source.format not in FORMATS:
        return False
    from edgekit_targets.graph.read import read_graph

    graph = read_graph(Path(source.path))
    return any(tensor.quantization is not None for part in graph.subgraphs for tensor in part.tensors)


def _other_route(framework: Framework, target: Profile, offered: tuple[str, ...]) -> str:
    if set(framework.exports) & set(offered):
        return (
            f"Leave --format out: {target.name} takes {', '.join(sorted(set(framework.exports) & set(offered)))}, too."
        )
    return "Convert the model that the file was exported from, or choose a target with a runtime for it."


def _read_shape(text: str) -> NamedShape:
    name, _, sizes = text.rpartition("=")
    try:
        shape = tuple(int(size) for size in sizes.split(",") if size.strip())
    except ValueError as error:
        raise _bad_shape(text) from error
    if any(size < 1 for size in shape):
        raise _bad_shape(text)
    return NamedShape(name, shape)


def _bad_shape(text: str) -> RecipeError:
    return RecipeError(
        f"--shape {text}: not a shape; allowed: [NAME=] and positive sizes with the batch axis first, such as "
        "image=1,3,224,224."
    )


def _read_dtype(text: str) -> NamedType:
    name, _, dtype = text.rpartition("=")
    if dtype not in INPUT_TYPES:
        raise RecipeError(f"--dtype {text}: unknown type; allowed: [NAME=] and one of {', '.join(INPUT_TYPES)}.")
    return NamedType(name, dtype)
