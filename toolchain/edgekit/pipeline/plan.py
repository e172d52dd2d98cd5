"""A plan: every choice of a conversion resolved, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from edgekit.pipeline.borders import choose_types
from edgekit.pipeline.recipe import RECIPES, Recipe
from edgekit_converters.data.form import detect_form, is_function
from edgekit_converters.data.metrics import METRICS, is_metric
from edgekit_converters.detect import detect_source
from edgekit_converters.keras.live import LiveModel
from edgekit_converters.settings import AS_THEY_ARE, SCHEMES, DataSettings, NamedType, PictureSettings, Scheme
from edgekit_runtime.errors import DataError, RecipeError
from edgekit_targets.catalog import load_profile
from edgekit_targets.hardware import channel_effect, kernel_effect, memory_effect
from edgekit_targets.profile import LoadedProfile, Profile

ZIP_SUFFIX = ".edgekit"
ALL_METRICS = ("auto", *METRICS, "MODULE:FUNCTION")


@dataclass(frozen=True)
class Request:
    """What the user asked for; `None` leaves the choice to the target.

    Attributes:
        model: The source model: a file, a folder, or a live Keras model, which only `convert` takes.
        target: Name of a target, or a path to a profile.
        quantize: Name of a scheme.
        input_dtypes: Types of the file's inputs: each a type for all of them, or `NAME=TYPE`.
        output_dtypes: Types of the file's outputs, likewise.
        calibrate: Calibration data.
        evaluate: Evaluation data.
        pictures: How pictures become inputs, and what the classes are called.
        metric: A metric, `auto`, or `module:function` of the user's own.
        samples: Calibration samples to draw.
        seed: Seed of the draw.
        output: Where the bundle goes: a folder, or a zip when it ends in `.edgekit`.
        license: Licence of the model, kept in the manifest.
        model_card: A text on what the model is for, kept in the bundle.
        trust: Whether code inside the model may run.
        custom: Modules of the user's own that define classes the model names; they need `trust`.
        force: Whether an existing output is replaced.
    """

    model: Path | LiveModel
    target: str
    quantize: str | None = None
    input_dtypes: tuple[str, ...] = ()
    output_dtypes: tuple[str, ...] = ()
    calibrate: Path | None = None
    evaluate: Path | None = None
    pictures: PictureSettings = AS_THEY_ARE
    metric: str = "auto"
    samples: int = 500
    seed: int = 0
    output: Path | None = None
    license: str | None = None
    model_card: Path | None = None
    trust: bool = False
    custom: tuple[str, ...] = ()
    force: bool = False


@dataclass(frozen=True)
class Choice:
    """One choice of a plan.

    Attributes:
        what: What was to be chosen.
        value: What was chosen.
        reason: Why.
    """

    what: str
    value: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """A conversion, ready to run.

    Attributes:
        request: What was asked for.
        model: The source model.
        source_format: Format of the source, by its content.
        target: The profile.
        recipe: With every field resolved.
        calibration: Which samples give the ranges; `None` when nothing needs them.
        evaluation: Which samples are evaluated; `None` without.
        output: Where the bundle goes.
        choices: Every choice, for the user.
    """

    request: Request
    model: Path
    source_format: str
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
    target = load_profile(request.target)
    recipe, recipe_choices = _choose_recipe(request, target)
    calibration, calibration_choice = _choose_calibration(request, recipe)
    evaluation, evaluation_choice = _choose_evaluation(request)
    if request.model_card is not None and not request.model_card.is_file():
        raise RecipeError(f"--model-card {request.model_card}: no such file.", hint="Check the path.")
    output = request.output or Path(f"{model.stem}-{target.profile.name}-{recipe.quantize.scheme}")
    runtime = target.profile.runtimes[0]
    choices = (
        Choice("source", source_format, "told by the content of the file"),
        Choice(
            "format", runtime.format, f"{runtime.name} {runtime.version} is the first runtime of {target.profile.name}"
        ),
        *recipe_choices,
        *_hardware_choices(target.profile, recipe),
        Choice("batch", "1", "a device answers one sample at a time; a static shape lets the kernels be planned ahead"),
        calibration_choice,
        evaluation_choice,
        *_picture_choices(request),
        Choice("output", str(output), "one zip" if output.suffix == ZIP_SUFFIX else "a folder"),
    )
    return Plan(request, model, source_format, target, recipe, calibration, evaluation, output, choices)


def _check_source(request: Request) -> Path:
    if not isinstance(request.model, Path):
        raise RecipeError(
            f"a plan is made for a file or a folder, not for a {type(request.model).__name__}.",
            hint="Give a pathlib.Path; edgekit.convert takes live Keras models, too.",
        )
    if request.custom and not request.trust:
        raise RecipeError(
            f"--custom {request.custom[0]}: importing a module runs its code, which needs --trust.",
            hint="If you trust its author, add --trust.",
        )
    return request.model


def _choose_recipe(request: Request, target: LoadedProfile) -> tuple[Recipe, tuple[Choice, ...]]:
    chosen = target.profile.recipe
    name = request.quantize or chosen.name
    if name not in RECIPES:
        raise RecipeError(f"--quantize {name}: unknown scheme; allowed: {', '.join(RECIPES)}.")
    scheme = SCHEMES[name]
    reason = "Asked for" if request.quantize else f"Chosen by {target.profile.name}: {chosen.reason}"
    inputs, named_inputs = choose_types("input", request.input_dtypes, scheme)
    outputs, named_outputs = choose_types("output", request.output_dtypes, scheme)
    settings = replace(
        RECIPES[name].quantize,
        input_dtype=inputs,
        output_dtype=outputs,
        named_inputs=named_inputs,
        named_outputs=named_outputs,
    )
    choices = (
        Choice("scheme", name, f"{scheme.purpose} {reason}"),
        Choice("inputs", _types(inputs, named_inputs), _border_reason(request.input_dtypes, name)),
        Choice("outputs", _types(outputs, named_outputs), _border_reason(request.output_dtypes, name)),
    )
    return Recipe(name, settings), choices


def _types(general: str, named: tuple[NamedType, ...]) -> str:
    return ", ".join([general, *(f"{one.name}: {one.dtype}" for one in named)])


def _hardware_choices(profile: Profile, recipe: Recipe) -> tuple[Choice, ...]:
    effects = {
        "kernels": kernel_effect(profile, recipe.quantize.scheme),
        "memory": memory_effect(profile),
        "channels": channel_effect(profile),
    }
    return tuple(Choice(what, *effect) for what, effect in effects.items() if effect is not None)


def _border_reason(asked: tuple[str, ...], scheme: str) -> str:
    if asked:
        return "asked for"
    if scheme == "float32":
        return "nothing is quantized"
    return "no conversion inside the file; the runtime takes and gives real numbers all the same"


def _choose_calibration(request: Request, recipe: Recipe) -> tuple[DataSettings | None, Choice]:
    settings = None
    if request.calibrate is not None:
        _check_exists(request.calibrate)
        settings = DataSettings(str(request.calibrate), request.samples, request.seed, request.pictures)
    scheme = SCHEMES[recipe.quantize.scheme]
    if scheme.name == "float32":
        why = "nothing is quantized" + ("; the data gives the golden samples only" if settings else "")
        return settings, Choice("calibration", "none", why)
    if settings is None:
        return None, _no_calibration(scheme)
    value = f"up to {request.samples} samples of {request.calibrate}"
    use = "ranges are minimum and maximum, and biases" if scheme.calibrated else "biases"
    why = f"drawn over the whole set with seed {request.seed}; {use} are moved against the shifts of rounding"
    return settings, Choice("calibration", value, why)


def _no_calibration(scheme: Scheme) -> Choice:
    if scheme.calibrated:
        others = ", ".join(other.name for other in SCHEMES.values() if not other.calibrated)
        raise RecipeError(
            f"{scheme.name} needs samples of real inputs to find the ranges of activations, and none were given.",
            hint=f"Add --calibrate DATA.npz, or ask for a scheme that needs none: {others}.",
        )
    return Choice("calibration", "none", "not needed; given samples, biases are moved against the shifts of rounding")


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
