"""Which steps a conversion takes before its model is exported, each with every setting resolved and its reason."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from edgekit.pipeline.choice import Choice
from edgekit.pipeline.recipe import PruneStep, Step, Teacher, TrainStep, TransferStep
from edgekit.pipeline.recipe_file import (
    SOURCE,
    DistilTable,
    PruneTable,
    RecipeFile,
    Table,
    TrainTable,
    TransferTable,
    read_recipe,
)
from edgekit.pipeline.request import Request
from edgekit_converters.compress.settings import (
    IMPORTANCES,
    SENSITIVITY,
    TASKS,
    TAYLOR,
    WIDTHS,
    PruneSettings,
    TrainSettings,
    TransferSettings,
)
from edgekit_converters.data.form import is_function
from edgekit_converters.detect import detect_source
from edgekit_converters.frameworks import framework_of
from edgekit_converters.settings import DataSettings, SourceSettings
from edgekit_runtime.errors import DataError, RecipeError
from edgekit_targets.profile import Profile

TRAINABLE = ("keras", "keras-h5", "torch-code")  # sources that still are networks, and no programs
NO_WEIGHT = "A teacher that does not count is none: take a train step."
ROUNDS = 5  # where a limit asks for several, and their number was not given


@dataclass(frozen=True)
class Resolved:
    """The steps of a conversion.

    Attributes:
        name: Of the recipe; empty where it has none of its own.
        steps: In order.
        scheme: What the recipe file quantizes to; `None` where it does not say.
        calibration: How it finds ranges; likewise.
        choices: For the user.
    """

    name: str
    steps: tuple[Step, ...]
    scheme: str | None
    calibration: str | None
    choices: tuple[Choice, ...]


def resolve_steps(request: Request, source: SourceSettings, profile: Profile) -> Resolved:
    """Resolve what the command line and the recipe file ask for.

    Args:
        request: The command line.
        source: The model.
        profile: The target, whose kernels like some numbers of channels more.

    Raises:
        RecipeError: What was asked contradicts itself, or does not fit the source.
        DataError: A data file does not exist.
    """
    file = _recipe_file(request)
    tables = _asked(request) if file is None else file.steps
    if tables:
        _refuse_finished(source, tables[0])
    maker = _Maker(request, profile, Path() if file is None else file.folder)
    steps = tuple(maker.step(table) for table in tables)
    _check_order(steps)
    choices = tuple(_choice(step, profile) for step in steps)
    quantize = None if file is None else file.quantize
    return Resolved(
        "" if file is None else file.name,
        steps,
        None if quantize is None else quantize.scheme,
        None if quantize is None else quantize.calibration,
        choices,
    )


def _recipe_file(request: Request) -> RecipeFile | None:
    flags = {"--prune": request.prune, "--teacher": request.teacher, "--classes": request.classes}
    if request.recipe is None:
        return None
    given = [flag for flag, value in flags.items() if value is not None]
    if given:
        raise RecipeError(f"{given[0]} and --recipe {request.recipe} both say which steps to take; allowed: one.")
    return read_recipe(request.recipe)


def _asked(request: Request) -> tuple[Table, ...]:
    """The tables that a recipe file would hold for what the command line asks."""
    tables: list[Table] = []
    if request.classes is not None:
        tables.append(TransferTable(request.classes))
    if request.prune is not None:
        tables.append(PruneTable(request.prune, importance=request.importance, max_drop=request.max_drop))
    elif request.max_drop is not None:
        raise RecipeError("--max-drop limits what pruning may cost.", hint="Add --prune SHARE.")
    epochs = TrainTable.epochs if request.epochs is None else request.epochs
    rate = TrainTable.learning_rate if request.learning_rate is None else request.learning_rate
    if request.teacher is not None:
        weights = None if request.teacher_weights is None else str(request.teacher_weights)
        tables.append(DistilTable(epochs=epochs, learning_rate=rate, teacher=request.teacher, teacher_weights=weights))
    elif request.train is not None:
        tables.append(TrainTable(epochs=epochs, learning_rate=rate))
    elif request.epochs is not None or request.learning_rate is not None:
        raise RecipeError("--epochs and --learning-rate are for training.", hint="Add --train DATA.")
    return tuple(tables)


def _refuse_finished(source: SourceSettings, table: Table) -> None:
    if source.format in TRAINABLE:
        return
    what = {TransferTable: "--classes", PruneTable: "--prune"}.get(type(table), "training")
    raise RecipeError(
        f"{source.path}: {what} needs a network that can still learn, and a {source.format} file was exported already.",
        hint="Give what it was exported from: a .keras or .h5 file, or the code that makes the PyTorch module, "
        "as file.py:function with --weights.",
    )


@dataclass(frozen=True)
class _Maker:
    """Makes steps of tables; paths in a recipe are relative to its folder, those of the command line to ours."""

    request: Request
    profile: Profile
    folder: Path

    def step(self, table: Table) -> Step:
        if isinstance(table, TransferTable):
            _check_number("classes", table.classes, 2, math.inf)
            return TransferStep(TransferSettings(table.classes, self.request.seed))
        if isinstance(table, PruneTable):
            return self._prune(table)
        return self._train(table)

    def _prune(self, table: PruneTable) -> PruneStep:
        if (table.share is None) == (table.width is None):
            raise RecipeError("A prune step takes exactly one of share (of the MACs) and width (of the channels).")
        _check_share("--prune" if table.share is not None else "width", table.share or table.width or 0.0)
        _check_choice("importance", table.importance, IMPORTANCES)
        _check_choice("widths", table.widths, WIDTHS)
        rounds = table.rounds or (1 if table.max_drop is None else ROUNDS)
        _check_number("rounds", rounds, 1, 100)
        if rounds > 1 and table.width is not None:
            raise RecipeError("rounds: a width is taken at once; allowed with share alone.")
        if table.max_drop is not None:
            _check_share("--max-drop", table.max_drop)
            if self.request.evaluate is None:
                raise RecipeError("--max-drop is held against the accuracy.", hint="Add --evaluate DATA with labels.")
        alignment = table.alignment or _alignment(self.profile)
        _check_number("alignment", alignment, 1, 256)
        settings = PruneSettings(
            table.share, table.width, table.importance, table.widths, alignment, self._seen(table), self.request.seed
        )
        return PruneStep(settings, rounds, table.max_drop)

    def _seen(self, table: PruneTable) -> DataSettings | None:
        """The samples that tell which channels matter, where that takes some."""
        if table.importance != TAYLOR and table.widths != SENSITIVITY:
            return None
        order = (self.request.evaluate, self.request.train, self.request.calibrate)
        given = self._path(table.data) or next((path for path in order if path is not None), None)
        if given is None:
            what = TAYLOR if table.importance == TAYLOR else SENSITIVITY
            raise RecipeError(f"{what} needs samples, and none were given.", hint="Add --evaluate or --train DATA.")
        return self._data(given, self.request.samples)

    def _train(self, table: TrainTable | DistilTable) -> TrainStep:
        data = self._path(table.data) or self.request.train
        if data is None:
            raise RecipeError("Training needs samples, and none were given.", hint="Add --train DATA.")
        if table.task not in ("auto", *TASKS) and not is_function(table.task):
            raise RecipeError(f"task {table.task}: unknown; allowed: auto, {', '.join(TASKS)}, MODULE:FUNCTION.")
        _check_number("epochs", table.epochs, 1, math.inf)
        _check_number("batch", table.batch, 1, math.inf)
        _check_number("learning_rate", table.learning_rate, 1e-12, 1e38)
        _check_rest("warmup_share", table.warmup_share)
        _check_rest("freeze", table.freeze)
        if table.patience is not None:
            _check_number("patience", table.patience, 1, math.inf)
        validation = self._path(table.validation)
        settings = TrainSettings(
            data=self._data(data, None),
            validation=None if validation is None else self._data(validation, None),
            task=table.task,
            epochs=table.epochs,
            batch=table.batch,
            learning_rate=table.learning_rate,
            warmup_share=table.warmup_share,
            patience=table.patience,
            freeze=table.freeze,
            seed=self.request.seed,
        )
        return TrainStep(settings, self._teacher(table) if isinstance(table, DistilTable) else None)

    def _teacher(self, table: DistilTable) -> Teacher:
        _check_number("temperature", table.temperature, 0.1, 100)
        if not 0 < table.weight <= 1:
            raise RecipeError(f"weight is {table.weight:g}; allowed: above 0 and at most 1.", hint=NO_WEIGHT)
        _check_number("feature_weight", table.feature_weight, 0, 1e6)
        source = None
        if table.teacher != SOURCE:
            path = self._path(table.teacher)
            assert path is not None
            source_format = detect_source(path)
            framework_of(source_format)
            weights = self._path(table.teacher_weights)
            source = SourceSettings(
                str(path),
                source_format,
                trust=self.request.trust,
                custom=self.request.custom,
                weights=None if weights is None else str(weights),
            )
        if table.feature_weight and source is not None and source.format not in TRAINABLE:
            raise RecipeError(
                f"{source.path}: features need a teacher that is still a network, and a {source.format} file was "
                "exported already.",
                hint="Set feature_weight = 0, or give what the teacher was exported from.",
            )
        return Teacher(source, table.temperature, table.weight, table.feature_weight)

    def _path(self, text: str | None) -> Path | None:
        """A path of a table; what names code stays as it is."""
        if text is None:
            return None
        return Path(text) if is_function(text) and not (self.folder / text).exists() else self.folder / text

    def _data(self, path: Path, samples: int | None) -> DataSettings:
        if not path.exists() and not is_function(str(path)):
            raise DataError(f"{path}: no such file.", hint="Check the path.")
        return DataSettings(str(path), samples, self.request.seed, self.request.pictures)


def _alignment(profile: Profile) -> int:
    part = profile.npu if profile.npu is not None and profile.npu.channel_alignment is not None else profile.cpu
    return 1 if part.channel_alignment is None else part.channel_alignment.value


def _check_order(steps: Sequence[Step]) -> None:
    for step, following in pairwise([*steps, None]):
        if isinstance(step, PruneStep) and step.in_rounds and not isinstance(following, TrainStep):
            raise RecipeError("Pruning in rounds trains after each.", hint="Add --train DATA, or a train step.")
        if isinstance(following, TransferStep):
            raise RecipeError("A new head comes before every other step.", hint="Put the transfer step first.")
    if steps and isinstance(steps[0], TransferStep) and not any(isinstance(step, TrainStep) for step in steps):
        raise RecipeError("A new head knows nothing yet.", hint="Add --train DATA, or a train step.")


def _check_share(what: str, value: float) -> None:
    if not 0 < value < 1:
        raise RecipeError(f"{what} is {value:g}; allowed: a share above 0 and below 1, such as 0.5.")


def _check_number(what: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        limit = f"{low:g} or more" if high == math.inf else f"{low:g} to {high:g}"
        raise RecipeError(f"{what} is {value:g}; allowed: {limit}.")


def _check_rest(what: str, value: float) -> None:
    if not 0 <= value < 1:
        raise RecipeError(f"{what} is {value:g}; allowed: from 0 to below 1.")


def _check_choice(what: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise RecipeError(f"{what} {value}: unknown; allowed: {', '.join(allowed)}.")


def _choice(step: Step, profile: Profile) -> Choice:
    if isinstance(step, TransferStep):
        return Choice("transfer", f"{step.settings.classes} classes", "a new head takes the place of the last layer")
    if isinstance(step, TrainStep):
        return _train_choice(step)
    settings = step.settings
    share = settings.share if settings.share is not None else settings.width or 0.0
    what = f"{100 * share:g} % of the MACs leave" if settings.share is not None else f"{100 * share:g} % of the width"
    value = f"{what}, by {settings.importance}, {settings.widths} widths in multiples of {settings.alignment}"
    reason = f"{profile.name} computes such numbers of channels best" if settings.alignment > 1 else "asked for"
    if step.rounds > 1:
        reason += f"; in {step.rounds} rounds with training after each"
    if step.max_drop is not None:
        reason += f", until the metric falls by more than {step.max_drop:g}"
    return Choice("prune", value, reason)


def _train_choice(step: TrainStep) -> Choice:
    settings = step.settings
    value = f"up to {settings.epochs} epochs of {settings.data.path}, in batches of {settings.batch}"
    reason = f"learning rate {settings.learning_rate:g} after a warm-up, then a cosine down to 0; seed {settings.seed}"
    if step.teacher is None:
        return Choice("train", value, reason)
    whom = "the network itself, before pruning" if step.teacher.source is None else step.teacher.source.path
    return Choice("distil", value, f"the teacher is {whom}: {100 * step.teacher.weight:g} % of the loss; {reason}")
