"""Train a live model, whatever framework it lives in: choose the loss, match the teacher, run the course."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np

from edgekit_converters.compress.checkpoint import Checkpoint
from edgekit_converters.compress.course import Course
from edgekit_converters.compress.faces import Trainable
from edgekit_converters.compress.losses import Answers, LossPlan, output_form, plan_losses
from edgekit_converters.compress.results import Trained
from edgekit_converters.compress.samples import Parts, divide, gather
from edgekit_converters.compress.settings import AUTOENCODER, TrainSettings
from edgekit_converters.compress.surgery import Surgery
from edgekit_converters.compress.teacher import Teacher, open_teacher, unmatched
from edgekit_converters.data.user_code import load_function
from edgekit_converters.model import Model
from edgekit_runtime.child import Report
from edgekit_runtime.codec import dumps
from edgekit_runtime.errors import DataError, RecipeError

LOOKED_AT = 64  # samples that show what outputs are


class Learner(Model, Trainable, Protocol):
    """A live model that can learn."""


def train_model(model: Learner, settings: TrainSettings, checkpoint: Path, surgery: Surgery, report: Report) -> Trained:
    """Train a model, and leave it with the weights of its best epoch.

    Args:
        model: The model.
        settings: How.
        checkpoint: A folder for states; what it holds of the same training is taken up.
        surgery: What was done to the source's shape.
        report: Takes `{"begun"}`, `{"stage", "done", "total"}` and `{"epoch"}`.

    Raises:
        RecipeError: The settings do not fit the model.
        DataError: The data does not fit.
        ConversionError: The loss became NaN or infinite; the last good epoch's weights are back.
        OSError: The checkpoint's folder is full.
    """
    check_settings(settings)
    forms = model.output_forms()
    stage = "reading the training data"
    parts = divide(settings, model.info, lambda done, total: report({"stage": stage, "done": done, "total": total}))
    teacher, note = _open_teacher(model, settings, len(parts.train))
    plan = _plan(model, settings, parts, forms)
    if teacher is not None:
        plan = replace(plan, features=tuple(teacher.maps))
    depends_on = _named(settings) + parts.train.sha256 + parts.validation.sha256 + (teacher.sha256 if teacher else "")
    trainer = model.trainer(settings, plan)
    try:
        course = Course(trainer, plan, settings, parts, teacher, report)
        trained = course.run(Checkpoint(checkpoint), depends_on, surgery)
    finally:
        trainer.finish()
    return replace(trained, notes=(note, *trained.notes) if note else trained.notes)


def check_training(model: Learner, settings: TrainSettings) -> None:
    """Refuse what no training can follow, as far as settings and a few samples tell.

    Labels that are refused among a few samples are refused among all.

    Args:
        model: The model, as it is before the steps ahead of the training.
        settings: How; a teacher's answers need not be there yet.

    Raises:
        RecipeError: The settings do not fit the model.
        DataError: Labels are missing, or do not fit.
    """
    check_settings(settings)
    train = gather(replace(settings.data, samples=LOOKED_AT), model.info, _nobody)
    rows, validation = np.arange(len(train)), train
    if settings.validation is not None and settings.validation.path != settings.data.path:
        validation = gather(replace(settings.validation, samples=LOOKED_AT), model.info, _nobody)
    plan = _plan(model, settings, Parts(train, rows, validation, np.arange(len(validation))), model.output_forms())
    if plan.user is not None:
        load_function(plan.user)


def check_settings(settings: TrainSettings) -> None:
    """Refuse settings that no training can follow.

    Raises:
        RecipeError: A number lies outside its range.
    """
    ranges = (
        ("epochs", settings.epochs, settings.epochs >= 1, "at least 1"),
        ("batch", settings.batch, settings.batch >= 1, "at least 1"),
        ("learning rate", settings.learning_rate, 0 < settings.learning_rate < float("inf"), "above 0"),
        ("warm-up share", settings.warmup_share, 0 <= settings.warmup_share < 1, "from 0 to below 1"),
        ("patience", settings.patience, settings.patience is None or settings.patience >= 1, "at least 1"),
        ("share that does not train", settings.freeze, 0 <= settings.freeze < 1, "from 0 to below 1"),
    )
    for name, value, good, allowed in ranges:
        if not good:
            raise RecipeError(f"{name} {value}: allowed: {allowed}.")
    teacher = settings.teacher
    if teacher and not (teacher.temperature > 0 and 0 < teacher.weight <= 1 and teacher.feature_weight >= 0):
        raise RecipeError(
            f"teacher: temperature {teacher.temperature:g}, weight {teacher.weight:g}, weight of features "
            f"{teacher.feature_weight:g}; allowed: above 0; above 0 and at most 1; at least 0."
        )


def _nobody(done: int, total: int) -> None:
    """Tell nobody of a few samples."""


def _named(settings: TrainSettings) -> str:
    """The settings without the places where a teacher's answers lie, which differ each time."""
    teacher = replace(settings.teacher, outputs="", features=None) if settings.teacher else None
    return dumps(replace(settings, teacher=teacher))


def _open_teacher(model: Learner, settings: TrainSettings, count: int) -> tuple[Teacher | None, str]:
    if settings.teacher is None:
        return None, ""
    layers = model.feature_layers() if settings.teacher.feature_weight else {}
    teacher = open_teacher(settings.teacher, model.info, count, layers)
    return teacher, unmatched(settings.teacher, layers) if layers else ""


def _plan(model: Learner, settings: TrainSettings, parts: Parts, forms: dict[str, str]) -> LossPlan:
    rows = parts.rows[:LOOKED_AT]
    given = model.predict({name: values[rows] for name, values in parts.train.inputs.items()})
    known = tuple(
        Answers(
            spec,
            given[spec.name],
            forms.get(spec.name) or output_form(given[spec.name]),
            parts.train.labels.get(spec.name),
        )
        for spec in model.info.outputs
    )
    plan = plan_losses(settings.task, model.info, known, settings.teacher, settings.data.path)
    if not parts.own and settings.validation is not None:
        _check_validation(plan, parts, settings.validation.path)
    _check_finite(given)
    return plan


def _check_validation(plan: LossPlan, parts: Parts, source: str) -> None:
    needed = [one.output for one in plan.outputs if one.label_weight and one.task != AUTOENCODER]
    lacking = [name for name in needed if name not in parts.validation.labels]
    told = any(one.label_weight for one in plan.outputs) or plan.user is not None
    if lacking or not told:
        raise DataError(
            f"{source}: the validation samples have no labels for {', '.join(lacking) or 'any output'}, and no teacher "
            "was asked about them.",
            hint="Leave them out: a tenth of the training data is taken then.",
        )


def _check_finite(given: dict[str, np.ndarray]) -> None:
    for name, values in given.items():
        if not np.isfinite(values).all():
            raise DataError(f"the model gives NaN or infinite values in output {name} before it is trained.")
