"""Look at the data before the long work, and say what speaks against it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgekit.pipeline.plan import Plan
from edgekit.pipeline.recipe import TrainStep
from edgekit_converters.data.check import Checked, InputRange
from edgekit_converters.data.form import detect_form
from edgekit_converters.data.pictures import preparation_for, read_class_names
from edgekit_converters.data.session import DataSession
from edgekit_converters.evaluation import Evaluation
from edgekit_converters.settings import AS_THEY_ARE
from edgekit_converters.source import SourceInfo
from edgekit_runtime.errors import DataError
from edgekit_runtime.manifest import LABELS_FILE
from edgekit_runtime.preparation import Preparation
from edgekit_runtime.progress import Progress

BEYOND = 0.5  # share of the calibration's width by which the evaluation may pass its ends
WIDER = 3.0  # times the evaluation's width that the calibration may span
ENOUGH_SAMPLES = 30  # fewer cannot tell an accuracy from chance


@dataclass(frozen=True)
class Samples:
    """What was found in the data.

    Attributes:
        calibration: In the calibration data, if there is some.
        evaluation: In the evaluation data, if there is some.
        preparation: How pictures become the model's input, where it takes some.
        classes: Names of the classes; empty where they are not known.
        trained: Whether a step trains the network, so that its source need not know anything yet.
    """

    calibration: Checked | None
    evaluation: Checked | None
    preparation: Preparation | None
    classes: tuple[str, ...]
    trained: bool = False


def check_data(session: DataSession, plan: Plan, info: SourceInfo, labels: Path, progress: Progress) -> Samples:
    """Go through the data once, and refuse what does not fit.

    Args:
        session: Reads the data.
        plan: Names it.
        info: The model.
        labels: Where to write the labels of the evaluation data.
        progress: Told how far it is.

    Raises:
        DataError: Data, labels or metric do not fit the model.
    """
    pictures = plan.request.pictures
    paths = [settings.path for settings in (plan.calibration, plan.evaluation) if settings is not None]
    takes_pictures = pictures != AS_THEY_ARE or any(detect_form(Path(path)) == "pictures" for path in paths)
    named = read_class_names(Path(pictures.labels)) if pictures.labels else ()
    _refuse_other_count(named, pictures.labels or "", info)
    preparation = preparation_for(pictures, info.inputs[0]) if takes_pictures and _is_picture(pictures, info) else None
    calibration = evaluation = None
    if plan.calibration is not None:
        calibration = session.check(plan.calibration, info, "calibration", labels, progress)
    if plan.evaluation is not None:
        evaluation = session.check(plan.evaluation, info, "evaluation", labels, progress)
        _refuse_other_count(evaluation.classes or (), plan.evaluation.path, info)
        session.check_metric(plan.request.metric, info, labels)
    found = [checked.classes for checked in (evaluation, calibration) if checked is not None and checked.classes]
    fitting = [classes for classes in found if _fits(classes, info)]
    trained = any(isinstance(step, TrainStep) for step in plan.recipe.steps)
    return Samples(calibration, evaluation, preparation, named or (fitting[0] if fitting else ()), trained)


def doubts(samples: Samples, evaluation: Evaluation | None) -> tuple[str, ...]:
    """What speaks against the data, with the evidence.

    Args:
        samples: What was found in it.
        evaluation: How the models did on it.
    """
    found = []
    if samples.calibration is not None and samples.evaluation is not None:
        fed = {one.name: one for one in samples.evaluation.ranges}
        pairs = [(one, fed[one.name]) for one in samples.calibration.ranges if one.name in fed]
        found += [_range_doubt(*pair) for pair in pairs if _differ(*pair)]
    if evaluation is not None and not samples.trained:
        found += _chance_doubt(samples, evaluation)
    return tuple(found)


def _is_picture(pictures: object, info: SourceInfo) -> bool:
    """Whether one input is to take pictures; names of classes alone say nothing of it."""
    only_labels = pictures == AS_THEY_ARE or vars(pictures) | {"labels": None} == vars(AS_THEY_ARE)
    return not only_labels or (len(info.inputs) == 1 and len(info.inputs[0].sample_shape) == 3)


def _refuse_other_count(classes: tuple[str, ...], where: str, info: SourceInfo) -> None:
    if classes and not _fits(classes, info):
        raise DataError(
            f"{where}: it tells {len(classes)} classes; the model gives {info.outputs[0].sample_shape[0]}.",
            hint=f"Name all of the model's classes in its order, one on each line of {LABELS_FILE}.",
        )


def _fits(classes: tuple[str, ...], info: SourceInfo) -> bool:
    shape = info.outputs[0].sample_shape
    return len(shape) != 1 or len(classes) == max(2, shape[0])


def _differ(calibration: InputRange, evaluation: InputRange) -> bool:
    width = calibration.high - calibration.low
    beyond = max(calibration.low - evaluation.low, evaluation.high - calibration.high)
    return beyond > BEYOND * width or width > WIDER * (evaluation.high - evaluation.low)


def _range_doubt(calibration: InputRange, evaluation: InputRange) -> str:
    return (
        f"input {calibration.name} spans {calibration.low:.4g} to {calibration.high:.4g} in the calibration data, but "
        f"{evaluation.low:.4g} to {evaluation.high:.4g} in the evaluation data: was one of them scaled differently?"
    )


def _chance_doubt(samples: Samples, evaluation: Evaluation) -> list[str]:
    accuracy, classes = evaluation.source, samples.evaluation.answers if samples.evaluation is not None else None
    if evaluation.metric != "accuracy" or accuracy.value is None or accuracy.interval is None or not classes:
        return []
    if evaluation.samples < ENOUGH_SAMPLES or accuracy.interval.low > 1 / classes:
        return []
    ends = f"{100 * accuracy.interval.low:.1f} to {100 * accuracy.interval.high:.1f}"
    text = (
        f"the source model itself is right on {100 * accuracy.value:.1f} % ({ends}) of the evaluation samples, and "
        f"guessing among {classes} classes on {100 / classes:.1f} %: check the range of the inputs, the order of the "
        "channels and the order of the classes"
    )
    return [text]
