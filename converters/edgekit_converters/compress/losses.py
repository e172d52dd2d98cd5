"""What a training's loss is made of: by its task, by the labels, and by what the outputs are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

import numpy as np

from edgekit_converters.compress.settings import AUTOENCODER, CLASSIFICATION, REGRESSION, TASKS, TeacherSettings
from edgekit_converters.data.form import is_function
from edgekit_converters.source import SourceInfo
from edgekit_runtime.errors import DataError, RecipeError
from edgekit_runtime.tensor import TensorSpec

AUTO = "auto"
CATEGORICAL, BINARY, SQUARED = "categorical", "binary", "squared"
SOFTMAX, SIGMOID, LINEAR = FORMS = ("softmax", "sigmoid", "linear")
SUM_TOLERANCE = 0.05  # of probabilities whose last bits are lost, such as those of a softmax in int8
_MEASURES = {
    CATEGORICAL: "the cross-entropy",
    BINARY: "the cross-entropy of each number",
    SQUARED: "the mean squared error",
}
LAST, FIRST = -1, 1  # where classes lie in `(N, ..., classes)` and in `(N, classes, ...)`


@dataclass(frozen=True)
class OutputLoss:
    """The loss of one output.

    Attributes:
        output: Its name.
        task: What it is for: one of `TASKS`.
        kind: `categorical` (cross-entropy over classes), `binary` (cross-entropy of each number) or `squared`.
        probabilities: Whether the output gives probabilities, where the kind is one of the first two; else logits.
        axis: The axis of the classes.
        classes: How many there are.
        target: The shape of what one sample is held against.
        numbered: Whether labels are class numbers.
        label_weight: What the distance to the labels is multiplied by.
        teacher_weight: Likewise for the teacher's outputs.
    """

    output: str
    task: str
    kind: str
    probabilities: bool
    axis: int
    classes: int
    target: tuple[int, ...]
    numbered: bool
    label_weight: float
    teacher_weight: float


@dataclass(frozen=True)
class LossPlan:
    """A whole loss: the sum over its outputs, and of the user's own and of the distance of features where there are.

    Attributes:
        outputs: One for each output.
        temperature: Divides both sides' logits before the softmax of soft targets.
        user: The user's own loss, `module:function`; `None` without.
        user_weight: What it is multiplied by.
        features: Layers whose attention maps are to match the teacher's.
        feature_weight: What the mean distance of the maps is multiplied by.
    """

    outputs: tuple[OutputLoss, ...]
    temperature: float = 1.0
    user: Optional[str] = None
    user_weight: float = 1.0
    features: tuple[str, ...] = ()
    feature_weight: float = 0.0

    @property
    def task(self) -> str:
        """What the loss is, in one word for each kind of output."""
        return self.user or ", ".join(dict.fromkeys(output.task for output in self.outputs))

    @property
    def counted(self) -> Optional[OutputLoss]:
        """The output whose right answers are counted; `None` where none names classes, or no label tells them."""
        found = [one for one in self.outputs if one.task == CLASSIFICATION and one.label_weight]
        return found[0] if found and not (found[0].kind == BINARY and found[0].classes > 1) else None

    @property
    def measure(self) -> str:
        """What the loss is, for the user, where no right answers are counted; else empty."""
        if self.counted is not None:
            return ""
        if self.user is not None:
            return f"your own {self.user}"
        if not any(one.label_weight for one in self.outputs):
            return "the distance to the teacher"
        return ", ".join(dict.fromkeys(_MEASURES[one.kind] for one in self.outputs if one.label_weight))

    def targets(self, inputs: Mapping[str, np.ndarray], labels: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What each output is held against, of a batch: class numbers, `int64`, or numbers of its own shape."""
        if self.user is not None:
            return dict(labels)
        found = {}
        for output in self.outputs:
            if output.label_weight:
                values = next(iter(inputs.values())) if output.task == AUTOENCODER else labels[output.output]
                found[output.output] = _target(values, output)
        return found


@dataclass(frozen=True)
class Answers:
    """What is known of an output before training.

    Attributes:
        spec: The output.
        given: What it gives for some samples, `(N, ...)`.
        form: One of `FORMS`.
        labels: All of them, `(N, ...)`; `None` without.
    """

    spec: TensorSpec
    given: np.ndarray
    form: str
    labels: Optional[np.ndarray]

    @property
    def axis(self) -> int:
        """Where the classes lie."""
        shape = self.spec.sample_shape
        if self.labels is not None and self.labels.shape[1:] in (shape[:-1], shape[1:]):
            return LAST if self.labels.shape[1:] == shape[:-1] else FIRST
        return LAST if len(shape) < 2 or _sums_to_one(self.given, LAST) else FIRST

    @property
    def classes(self) -> int:
        """How many there are; 1 for a single number that tells yes from no."""
        return int(self.given.shape[self.axis]) if self.given.ndim > 1 else 1

    @property
    def numbered(self) -> bool:
        """Whether the labels are class numbers."""
        if self.labels is None or self.labels.dtype.kind not in "iub":
            return False
        fits = _squeezed(self.labels.shape[1:]) == _squeezed(_without(self.given.shape, self.axis)[1:])
        return fits and bool(self.labels.min() >= 0 and self.labels.max() < max(2, self.classes))

    @property
    def valued(self) -> bool:
        """Whether the labels are numbers of the output's shape."""
        return self.labels is not None and _squeezed(self.labels.shape[1:]) == _squeezed(self.given.shape[1:])

    @property
    def shared(self) -> bool:
        """Whether the labels are shares of classes, such as one-hot ones."""
        if not self.valued or self.labels is None:
            return False
        return bool(self.labels.min() >= 0 and self.labels.max() <= 1)


def output_form(values: np.ndarray) -> str:
    """Tell probabilities from other numbers by their values, `(N, ...)`."""
    if values.ndim > 1 and (_sums_to_one(values, LAST) or _sums_to_one(values, FIRST)):
        return SOFTMAX
    return SIGMOID if values.size and values.min() >= 0 and values.max() <= 1 else LINEAR


def plan_losses(
    task: str, info: SourceInfo, answers: tuple[Answers, ...], teacher: TeacherSettings | None, source: str
) -> LossPlan:
    """Choose the loss of every output.

    Args:
        task: One of `TASKS`, `auto`, or `module:function`.
        info: The model.
        answers: What is known of each output.
        teacher: How much the teacher counts; `None` without.
        source: The training data, for errors.

    Raises:
        RecipeError: There is no such task, or it does not fit the model.
        DataError: Labels are missing, or do not fit.
    """
    own = is_function(task)
    if task not in (*TASKS, AUTO) and not own:
        raise RecipeError(
            f"{task}: no task of training; allowed: {AUTO}, {', '.join(TASKS)}, or module:function of your own."
        )
    outputs = tuple(_output_loss(AUTO if own else task, own, info, one, teacher, source) for one in answers)
    weight = teacher.weight if teacher else 0.0
    return LossPlan(
        outputs,
        temperature=teacher.temperature if teacher else 1.0,
        user=task if own else None,
        user_weight=1 - weight,
        feature_weight=teacher.feature_weight if teacher else 0.0,
    )


def _output_loss(
    task: str, own: bool, info: SourceInfo, one: Answers, teacher: TeacherSettings | None, source: str
) -> OutputLoss:
    mirrors = len(info.inputs) == len(info.outputs) == 1 and info.inputs[0].sample_shape == one.spec.sample_shape
    if task == AUTOENCODER and not mirrors:
        raise RecipeError(
            f"the outputs of an autoencoder have the shape of its inputs; this model's are "
            f"{_listed(info.outputs)}, its inputs {_listed(info.inputs)}."
        )
    if not own and one.labels is None and task != AUTOENCODER and teacher is None and not (task == AUTO and mirrors):
        raise DataError(
            f"{source}: it has no labels for output {one.spec.name}, which the loss needs.",
            hint=f"Add an array 'y' (or 'y.{one.spec.name}') to it, or name a --teacher, which needs none.",
        )
    chosen = _task(task, one, mirrors, strict=not own, source=source)
    kind = _kind(chosen, one)
    numbered = chosen == CLASSIFICATION and one.numbered
    labelled = not own and (one.labels is not None or chosen == AUTOENCODER)
    return OutputLoss(
        output=one.spec.name,
        task=chosen,
        kind=kind,
        probabilities=one.form != LINEAR and kind != SQUARED,
        axis=one.axis,
        classes=one.classes,
        target=_without(one.given.shape, one.axis)[1:] if numbered and kind == CATEGORICAL else one.given.shape[1:],
        numbered=numbered,
        label_weight=(1 - teacher.weight if teacher else 1.0) if labelled else 0.0,
        teacher_weight=(teacher.weight if labelled or own else 1.0) if teacher else 0.0,
    )


def _task(task: str, one: Answers, mirrors: bool, *, strict: bool, source: str) -> str:
    if task == AUTOENCODER or (task == AUTO and one.labels is None and mirrors and one.form != SOFTMAX):
        return AUTOENCODER
    if one.labels is None:
        likely = REGRESSION if one.form == LINEAR else CLASSIFICATION
        return likely if task == AUTO else task
    shares = one.shared if task == CLASSIFICATION else _one_hot(one) or (one.form != LINEAR and _is_yes_or_no(one))
    if task != REGRESSION and (one.numbered or shares):
        return CLASSIFICATION
    if task != CLASSIFICATION and one.valued:
        return REGRESSION
    if not strict:
        return REGRESSION
    raise DataError(
        f"{source}: labels of type {one.labels.dtype} and shape {one.labels.shape[1:]} do not fit output "
        f"{one.spec.name} of shape {one.given.shape[1:]}{'' if task == AUTO else f' for {task}'}; allowed: class "
        f"numbers from 0 to {max(2, one.classes) - 1} (classification), or numbers of the output's shape (regression)."
    )


def _kind(task: str, one: Answers) -> str:
    if task != CLASSIFICATION:
        return SQUARED
    if one.classes < 2 or one.form == SIGMOID:
        return BINARY
    several = one.labels is not None and not one.numbered and one.form == LINEAR and not _one_hot(one)
    return BINARY if several else CATEGORICAL


def _one_hot(one: Answers) -> bool:
    if one.labels is None or not one.shared or one.classes < 2:
        return False
    return bool(np.allclose(one.labels.sum(axis=one.axis), 1, atol=SUM_TOLERANCE))


def _is_yes_or_no(one: Answers) -> bool:
    return one.labels is not None and one.shared and bool(np.isin(one.labels, (0, 1)).all())


def _target(values: np.ndarray, output: OutputLoss) -> np.ndarray:
    if output.numbered and output.kind == CATEGORICAL:
        return values.reshape(-1, *output.target).astype(np.int64)
    if output.numbered and output.classes > 1:
        ones = np.eye(output.classes, dtype=np.float32)[values.astype(np.int64)]
        return np.moveaxis(ones, -1, output.axis).reshape(-1, *output.target)
    return values.reshape(-1, *output.target).astype(np.float32)


def _sums_to_one(values: np.ndarray, axis: int) -> bool:
    if values.ndim < 2 or values.shape[axis] < 2 or values.min() < 0 or values.max() > 1 + SUM_TOLERANCE:
        return False
    return bool(np.allclose(values.sum(axis=axis), 1, atol=SUM_TOLERANCE))


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    sizes = list(shape)
    del sizes[axis]
    return tuple(sizes)


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def _listed(specs: tuple[TensorSpec, ...]) -> str:
    return ", ".join(str(spec.sample_shape) for spec in specs)
