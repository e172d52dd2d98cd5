"""A plan: every choice of a conversion resolved, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from edgekit.pipeline.borders import choose_types
from edgekit.pipeline.choice import Choice
from edgekit.pipeline.integers import choose_calibration, choose_integers
from edgekit.pipeline.recipe import RECIPES, Recipe, TrainStep
from edgekit.pipeline.request import Request
from edgekit.pipeline.sources import choose_format, is_quantized, source_name, source_settings
from edgekit.pipeline.steps import Resolved, resolve_steps
from edgekit_converters.data.form import detect_form, is_function
from edgekit_converters.data.metrics import METRICS, is_metric
from edgekit_converters.detect import detect_source
from edgekit_converters.frameworks import Framework, framework_of
from edgekit_converters.settings import (
    AS_THEY_ARE,
    FLOAT32,
    MINMAX,
    PERCENTILE,
    SCHEMES,
    UNCHANGED,
    DataSettings,
    NamedType,
    Scheme,
    SourceSettings,
)
from edgekit_runtime.errors import DataError, RecipeError
from edgekit_targets.catalog import load_profile
from edgekit_targets.hardware import channel_effect, kernel_effect, memory_effect
from edgekit_targets.profile import LoadedProfile, Profile

ZIP_SUFFIX = ".edgekit"
RANGES = {MINMAX: "ranges are minimum and maximum", PERCENTILE: "ranges leave the outermost values out"}
SAMPLES_FOR = {
    "tflite": "biases are moved against the shifts of rounding",
    "onnx": "each tensor's noise is measured on some of them",
}
ALL_METRICS = ("auto", *METRICS, "MODULE:FUNCTION")


@dataclass(frozen=True)
class Plan:
    """A conversion, ready to run.

    Attributes:
        request: What was asked for.
        model: The source model.
        source: How it is loaded.
        framework: What loads it.
        model_format: Format of the file in the bundle.
        target: The profile.
        recipe: With every field resolved.
        calibration: Which samples give the ranges; `None` when nothing needs them.
        evaluation: Which samples are evaluated; `None` without.
        output: Where the bundle goes.
        choices: Every choice, for the user.
    """

    request: Request
    model: Path
    source: SourceSettings
    framework: Framework
    model_format: str
    target: LoadedProfile
    recipe: Recipe
    calibration: DataSettings | None
    evaluation: DataSettings | None
    output: Path
    choices: tuple[Choice, ...]


def make_plan(request: Request) -> Plan:
    """Resolve every choice of a conversion; nothing is converted yet.

    Raises:
        ModelError: The source is no model.
        ProfileError: The target is unknown, or its profile has faults.
        RecipeError: What was asked contradicts itself, or the model card is no file.
        DataError: A data file does not exist.
    """
    model = _check_source(request)
    source_format = detect_source(model)
    framework = framework_of(source_format)
    target = load_profile(request.target)
    model_format, format_choice = choose_format(request.model_format, framework, target.profile)
    source = source_settings(request, source_format)
    resolved = resolve_steps(request, source, target.profile)
    recipe, recipe_choices = _choose_recipe(_with_file(request, resolved), source, target, model_format)
    recipe = replace(recipe, name=resolved.name or recipe.name, steps=resolved.steps)
    calibration, calibration_choice = _choose_calibration(request, recipe, model_format)
    evaluation, evaluation_choice = _choose_evaluation(request)
    if request.model_card is not None and not request.model_card.is_file():
        raise RecipeError(f"--model-card {request.model_card}: no such file.", hint="Check the path.")
    output = request.output or Path(f"{source_name(model)}-{target.profile.name}-{recipe.quantize.scheme}")
    choices = (
        Choice("source", source_format, "told by the content of the file"),
        format_choice,
        *resolved.choices,
        *recipe_choices,
        *_hardware_choices(target.profile, recipe),
        Choice("batch", "1", "a device answers one sample at a time; a static shape lets the kernels be planned ahead"),
        calibration_choice,
        evaluation_choice,
        *_picture_choices(request),
        Choice("output", str(output), "one zip" if output.suffix == ZIP_SUFFIX else "a folder"),
    )
    source = replace(source, sample=calibration or evaluation or _training(recipe))
    return Plan(
        request, model, source, framework, model_format, target, recipe, calibration, evaluation, output, choices
    )


def _with_file(request: Request, resolved: Resolved) -> Request:
    """The request with what its recipe file says of quantization."""
    if None not in (request.quantize, resolved.scheme) and request.quantize != resolved.scheme:
        raise RecipeError(
            f"--quantize {request.quantize}: {request.recipe} says {resolved.scheme}; allowed: one of the two."
        )
    return replace(
        request,
        quantize=request.quantize or resolved.scheme,
        calibration=request.calibration or resolved.calibration,
    )


def _training(recipe: Recipe) -> DataSettings | None:
    return next((step.settings.data for step in recipe.steps if isinstance(step, TrainStep)), None)


def _check_source(request: Request) -> Path:
    if not isinstance(request.model, Path):
        raise RecipeError(
            f"a plan is made for a file or a folder, not for a {type(request.model).__name__}.",
            hint="Give a pathlib.Path; edgekit.convert takes live models of Keras and PyTorch, too.",
        )
    if request.custom and not request.trust:
        raise RecipeError(
            f"--custom {request.custom[0]}: importing a module runs its code, which needs --trust.",
            hint="If you trust its author, add --trust.",
        )
    return request.model


def _choose_recipe(
    request: Request, source: SourceSettings, target: LoadedProfile, model_format: str
) -> tuple[Recipe, tuple[Choice, ...]]:
    name, reason = _choose_scheme(request, source, target, model_format)
    scheme = SCHEMES[name]
    inputs, named_inputs = choose_types("input", request.input_dtypes, scheme, model_format)
    outputs, named_outputs = choose_types("output", request.output_dtypes, scheme, model_format)
    settings = replace(
        RECIPES[name].quantize,
        input_dtype=inputs,
        output_dtype=outputs,
        named_inputs=named_inputs,
        named_outputs=named_outputs,
    )
    settings = choose_calibration(request.calibration, settings, model_format)
    settings, integers = choose_integers(settings, model_format, target.profile)
    choices = (
        Choice("scheme", name, f"{scheme.purpose} {reason}"),
        Choice("inputs", _types(inputs, named_inputs), _border_reason(request.input_dtypes, name, model_format)),
        Choice("outputs", _types(outputs, named_outputs), _border_reason(request.output_dtypes, name, model_format)),
        *integers,
    )
    return Recipe(name, settings), choices


def _choose_scheme(
    request: Request, source: SourceSettings, target: LoadedProfile, model_format: str
) -> tuple[str, str]:
    chosen, asked = target.profile.recipe, request.quantize
    if asked is not None and asked not in RECIPES:
        raise RecipeError(f"--quantize {asked}: unknown scheme; allowed: {', '.join(RECIPES)}.")
    if asked is not None and model_format not in SCHEMES[asked].formats:
        others = ", ".join(scheme.name for scheme in SCHEMES.values() if model_format in scheme.formats)
        raise RecipeError(f"--quantize {asked}: it is not made in {model_format}; allowed there: {others}.")
    if is_quantized(source):
        if asked not in (None, UNCHANGED):
            raise RecipeError(
                f"--quantize {asked}: {request.model} is quantized already; allowed: {UNCHANGED}.",
                hint="Convert the float model that it was made from.",
            )
        return UNCHANGED, "The file is quantized already."
    if asked == UNCHANGED:
        raise RecipeError(f"--quantize {UNCHANGED} is for quantized .tflite and .onnx files.", hint="Take float32.")
    if asked is not None:
        _check_accelerator(request, asked, target.profile)
        return asked, "Asked for"
    return chosen.name, f"Chosen by {target.profile.name}: {chosen.reason}"


def _check_accelerator(request: Request, asked: str, target: Profile) -> None:
    """Refuse what an accelerator leaves to the processor as a whole, before minutes go into it."""
    npu = target.npu
    if npu is None or asked in npu.schemes.value:
        return
    best = SCHEMES[npu.schemes.value[0]]
    data = f" --calibrate {request.calibrate or 'DATA'}" if best.calibrated else ""
    raise RecipeError(
        f"--quantize {asked}: the {npu.model.value} of target {target.name} does not take it; "
        f"allowed: {', '.join(npu.schemes.value)}.",
        hint=f"Run: edgekit convert {request.model} --target {target.name} --quantize {best.name}{data}",
    )


def _types(general: str, named: tuple[NamedType, ...]) -> str:
    return ", ".join([general, *(f"{one.name}: {one.dtype}" for one in named)])


def _hardware_choices(profile: Profile, recipe: Recipe) -> tuple[Choice, ...]:
    effects = {
        "kernels": kernel_effect(profile, recipe.quantize.scheme),
        "memory": memory_effect(profile),
        "channels": channel_effect(profile),
    }
    return tuple(Choice(what, *effect) for what, effect in effects.items() if effect is not None)


def _border_reason(asked: tuple[str, ...], scheme: str, model_format: str) -> str:
    if asked:
        return "asked for"
    if scheme in (FLOAT32, UNCHANGED):
        return "nothing is quantized"
    if model_format == "onnx":
        return "an .onnx file keeps its source's types; the conversion is inside"
    return "no conversion inside the file; the runtime takes and gives real numbers all the same"


def _choose_calibration(request: Request, recipe: Recipe, model_format: str) -> tuple[DataSettings | None, Choice]:
    settings = None
    if request.calibrate is not None:
        _check_exists(request.calibrate)
        settings = DataSettings(str(request.calibrate), request.samples, request.seed, request.pictures)
    scheme = SCHEMES[recipe.quantize.scheme]
    if scheme.name in (FLOAT32, UNCHANGED):
        why = "nothing is quantized" + ("; the data gives the golden samples only" if settings else "")
        return settings, Choice("calibration", "none", why)
    if settings is None:
        return None, _no_calibration(scheme, model_format)
    value = f"up to {request.samples} samples of {request.calibrate}"
    uses = [RANGES[recipe.quantize.calibration]] if scheme.calibrated else []
    uses.append(SAMPLES_FOR[model_format])
    why = f"drawn over the whole set with seed {request.seed}; {', and '.join(uses)}"
    return settings, Choice("calibration", value, why)


def _no_calibration(scheme: Scheme, model_format: str) -> Choice:
    if scheme.calibrated:
        others = ", ".join(other.name for other in SCHEMES.values() if not other.calibrated)
        raise RecipeError(
            f"{scheme.name} needs samples of real inputs to find the ranges of activations, and none were given.",
            hint=f"Add --calibrate DATA.npz, or ask for a scheme that needs none: {others}.",
        )
    return Choice("calibration", "none", f"not needed; given samples, {SAMPLES_FOR[model_format]}")


def _choose_evaluation(request: Request) -> tuple[DataSettings | None, Choice]:
    if request.metric != "auto" and not is_metric(request.metric):
        raise RecipeError(f"--metric {request.metric}: unknown metric; allowed: {', '.join(ALL_METRICS)}.")
    if request.evaluate is None:
        return None, Choice("evaluation", "none", "no --evaluate data, so accuracy stays unknown")
    _check_exists(request.evaluate)
    settings = DataSettings(str(request.evaluate), None, request.seed, request.pictures)
    why = "the exported file under the device's interpreter, beside the source model on the same samples"
    return settings, Choice("evaluation", f"all of {request.evaluate}", why)


def _check_exists(path: Path) -> None:
    if not path.exists() and not is_function(str(path)):
        raise DataError(f"{path}: no such file.", hint="Check the path.")


def _picture_choices(request: Request) -> tuple[Choice, ...]:
    """How pictures become inputs, where the data is a folder of them or something was asked for."""
    pictures = request.pictures
    folders = [path for path in (request.calibrate, request.evaluate) if path is not None and path.is_dir()]
    if pictures == AS_THEY_ARE and not any(detect_form(path) == "pictures" for path in folders):
        return ()
    size = "the input's size" if pictures.resize is None else f"{pictures.resize[0]}x{pictures.resize[1]}"
    value = f"{pictures.fit} to {size}, pixels as {pictures.pixel_range[0]:g}..{pictures.pixel_range[1]:g}"
    if any(pictures.mean) or pictures.std != (1.0,):
        value += f", less mean {_listed(pictures.mean)}, over std {_listed(pictures.std)}"
    return (Choice("pictures", value, "the bundle keeps it, and the runtime does the same on the device"),)


def _listed(values: tuple[float, ...]) -> str:
    return ",".join(f"{value:g}" for value in values)
