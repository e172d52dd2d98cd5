"""The loss by task: what labels and outputs speak for, and what is refused."""

import numpy as np
import pytest

from edgekit_converters.compress.losses import Answers, LossPlan, output_form, plan_losses
from edgekit_converters.compress.settings import TeacherSettings
from edgekit_converters.source import SourceInfo
from edgekit_runtime.errors import DataError, RecipeError
from edgekit_runtime.tensor import TensorSpec

RANDOM = np.random.default_rng(0)
LOGITS = RANDOM.normal(size=(64, 5)).astype(np.float32) * 3
SHARES = np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)
CLASSES = RANDOM.integers(0, 5, 64)


def plan(
    given: np.ndarray,
    labels: np.ndarray | None,
    task: str = "auto",
    *,
    teacher: TeacherSettings | None = None,
    input_shape: tuple[int, ...] = (7,),
    form: str = "",
) -> LossPlan:
    spec = TensorSpec("out", (-1, *given.shape[1:]), "float32")
    info = SourceInfo((TensorSpec("x", (-1, *input_shape), "float32"),), (spec,), 0, ())
    answers = Answers(spec, given, form or output_form(given), labels)
    return plan_losses(task, info, (answers,), teacher, "d.npz")


@pytest.mark.parametrize(
    ("given", "labels", "task", "kind", "probabilities"),
    [
        (LOGITS, CLASSES, "classification", "categorical", False),
        (SHARES, CLASSES, "classification", "categorical", True),
        (SHARES, np.eye(5)[CLASSES], "classification", "categorical", True),
        (LOGITS, np.eye(5, dtype=np.int64)[CLASSES], "classification", "categorical", False),
        (1 / (1 + np.exp(-LOGITS)), CLASSES, "classification", "binary", True),
        (1 / (1 + np.exp(-LOGITS)), (LOGITS > 0).astype(float), "classification", "binary", True),
        (1 / (1 + np.exp(-LOGITS[:, :1])), CLASSES % 2, "classification", "binary", True),
        (LOGITS[:, :1], CLASSES[:, None] % 2, "classification", "binary", False),
        (LOGITS[:, :1], CLASSES, "regression", "squared", False),
        (LOGITS, LOGITS * 2, "regression", "squared", False),
        (LOGITS[:, 0], LOGITS[:, 1], "regression", "squared", False),
    ],
)
def test_labels_and_outputs_speak_for_a_task(
    given: np.ndarray, labels: np.ndarray, task: str, kind: str, probabilities: bool
) -> None:
    (one,) = plan(given, labels).outputs
    assert (one.task, one.kind, one.probabilities) == (task, kind, probabilities)
    assert (one.label_weight, one.teacher_weight) == (1.0, 0.0)


def test_numbers_of_the_inputs_shape_without_labels_are_an_autoencoder() -> None:
    found = plan(LOGITS, None, input_shape=(5,))
    assert found.task == "autoencoder"
    x = RANDOM.normal(size=(4, 5)).astype(np.float32)
    assert np.array_equal(found.targets({"x": x}, {})["out"], x)


def test_targets_are_class_numbers_or_numbers_of_the_outputs_shape() -> None:
    categorical = plan(LOGITS, CLASSES[:, None].astype(np.uint8)).targets(
        {}, {"out": CLASSES[:3, None].astype(np.uint8)}
    )
    assert categorical["out"].shape == (3,)
    assert categorical["out"].dtype == np.int64
    several = plan(1 / (1 + np.exp(-LOGITS)), CLASSES).targets({}, {"out": CLASSES[:3]})
    assert np.array_equal(several["out"], np.eye(5, dtype=np.float32)[CLASSES[:3]])
    binary = plan(LOGITS[:, :1], CLASSES % 2).targets({}, {"out": np.array([0, 1])})
    assert binary["out"].tolist() == [[0.0], [1.0]]


@pytest.mark.parametrize("axis", [-1, 1])
def test_classes_of_every_pixel_lie_on_either_axis(axis: int) -> None:
    given = np.moveaxis(RANDOM.normal(size=(8, 6, 4, 3)), -1, axis)
    (one,) = plan(given, RANDOM.integers(0, 3, (8, 6, 4))).outputs
    assert (one.kind, one.axis, one.target) == ("categorical", axis, (6, 4))


def test_a_teacher_takes_its_share_and_without_labels_all() -> None:
    teacher = TeacherSettings("t.npz", weight=0.7)
    (one,) = plan(SHARES, CLASSES, teacher=teacher).outputs
    assert (round(one.label_weight, 6), one.teacher_weight) == (0.3, 0.7)
    (one,) = plan(SHARES, None, teacher=teacher).outputs
    assert (one.kind, one.label_weight, one.teacher_weight) == ("categorical", 0.0, 1.0)
    (one,) = plan(LOGITS, None, teacher=teacher).outputs
    assert (one.kind, one.teacher_weight) == ("squared", 1.0)
    (one,) = plan(LOGITS, None, "classification", teacher=teacher).outputs
    assert (one.kind, one.teacher_weight) == ("categorical", 1.0)


def test_missing_labels_are_named_before_the_first_step() -> None:
    with pytest.raises(DataError, match=r"d\.npz: it has no labels for output out, which the loss needs.*--teacher"):
        plan(LOGITS, None)
    with pytest.raises(DataError, match="no labels for output out"):
        plan(LOGITS, None, "classification")


@pytest.mark.parametrize(
    ("labels", "task"),
    [
        (CLASSES + 1, "auto"),
        (CLASSES - 1, "classification"),
        (CLASSES, "regression"),
        (LOGITS[:, :3], "auto"),
        (LOGITS, "classification"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels: np.ndarray, task: str) -> None:
    with pytest.raises(DataError, match=r"do not fit output out of shape \(5,\).*class numbers from 0 to 4"):
        plan(LOGITS, labels, task)


def test_an_autoencoder_gives_what_it_takes() -> None:
    with pytest.raises(RecipeError, match=r"this model's are \(5,\), its inputs \(7,\)"):
        plan(LOGITS, None, "autoencoder")


def test_unknown_tasks_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"guessing: no task .*auto, classification, regression, autoencoder"):
        plan(LOGITS, CLASSES, "guessing")


def test_a_users_loss_needs_no_labels_and_gets_them_as_they_are() -> None:
    found = plan(LOGITS, CLASSES, "mine:loss")
    assert (found.user, found.user_weight, found.task) == ("mine:loss", 1.0, "mine:loss")
    assert found.targets({}, {"out": CLASSES[:2]})["out"] is not None
    assert plan(LOGITS, None, "mine:loss").outputs[0].label_weight == 0.0
    taught = plan(LOGITS, None, "mine:loss", teacher=TeacherSettings("t.npz", weight=0.25))
    assert (taught.user_weight, taught.outputs[0].teacher_weight) == (0.75, 0.25)
