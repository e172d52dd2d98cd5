"""The loop of training, by a straight line in numpy: checkpoints, resumption, early stop, and what ends it."""

import errno
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit_converters.compress.losses import LossPlan
from edgekit_converters.compress.results import Begun, Epoch, Trained
from edgekit_converters.compress.settings import TeacherSettings, TrainSettings
from edgekit_converters.compress.surgery import Operation, Surgery
from edgekit_converters.compress.train import check_training, train_model
from edgekit_converters.settings import DataSettings
from edgekit_converters.source import AxisOrder, SourceInfo
from edgekit_runtime.codec import decode
from edgekit_runtime.errors import ConversionError, DataError, RecipeError
from edgekit_runtime.tensor import TensorSpec

Arrays = Mapping[str, np.ndarray]


class Line:
    """`y = w x`, trained with momentum; a step or an epoch can be made to fail."""

    def __init__(self) -> None:
        self.info = SourceInfo((TensorSpec("x", (-1, 1), "float32"),), (TensorSpec("y", (-1, 1), "float32"),), 1, ())
        self.weight, self.velocity, self.steps, self.training = 0.0, 0.0, 0, False
        self.break_at: dict[int, Callable[[], float]] = {}
        self.full_from: int | None = None
        self.hidden_nan = False
        self.saved = 0
        self.rates: list[float] = []

    def predict(self, inputs: Arrays) -> dict[str, np.ndarray]:
        return {"y": self.weight * inputs["x"]}

    def export(self, path: Path, model_format: str) -> tuple[AxisOrder, ...]:
        raise NotImplementedError

    def output_forms(self) -> dict[str, str]:
        return {"y": "linear"}

    def trainer(self, settings: TrainSettings, plan: LossPlan) -> "Line":
        self.velocity, self.training, self.plan = 0.0, True, plan
        return self

    def save_weights(self, folder: Path) -> None:
        raise NotImplementedError

    load_weights = save_weights

    def features(self, inputs: Arrays, layers: object) -> dict[str, np.ndarray]:
        return {}

    def feature_layers(self) -> dict[str, tuple[int, ...]]:
        return {}

    def begin(self, epoch: int) -> None:
        self.random = np.random.default_rng(epoch)

    def step(self, inputs: Arrays, labels: Arrays, teacher: Arrays, learning_rate: float) -> float:
        self.steps += 1
        self.rates.append(learning_rate)
        if self.steps in self.break_at:
            return self.break_at[self.steps]()
        loss, error = self._loss(inputs, labels, teacher)
        self.velocity = 0.5 * self.velocity + float(np.mean(error * inputs["x"])) + 0.01 * self.random.normal()
        self.weight -= learning_rate * self.velocity
        return loss

    def look(self, inputs: Arrays, labels: Arrays, teacher: Arrays) -> tuple[float, dict[str, np.ndarray]]:
        return self._loss(inputs, labels, teacher)[0], self.predict(inputs)

    def _loss(self, inputs: Arrays, labels: Arrays, teacher: Arrays) -> tuple[float, np.ndarray]:
        (one,) = self.plan.outputs
        error = sum(
            weight * (self.weight * inputs["x"] - rows["y"])
            for weight, rows in ((one.label_weight, labels), (one.teacher_weight, teacher))
            if weight and "y" in rows
        )
        return float(np.mean(np.square(error))), np.asarray(error)

    def save(self, path: Path) -> None:
        self.saved += 1
        if self.full_from is not None and self.saved >= self.full_from:
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        path.write_text(f"{self.weight!r} {self.velocity!r}")

    def restore(self, path: Path) -> None:
        self.weight, self.velocity = (float(part) for part in path.read_text().split())

    def finite(self) -> bool:
        return not self.hidden_nan and bool(np.isfinite(self.weight))

    def finish(self) -> None:
        self.training = False


class Interruption(BaseException):
    """What Ctrl-C is to a loop."""


@pytest.fixture
def data(tmp_path: Path) -> DataSettings:
    random = np.random.default_rng(0)
    x = random.normal(size=(60, 1)).astype(np.float32)
    np.savez(tmp_path / "d.npz", x=x, y=2 * x)
    return DataSettings(str(tmp_path / "d.npz"), None, 0)


def train(line: Line, settings: TrainSettings, folder: Path, told: list[Any] | None = None) -> Trained:
    told = told if told is not None else []
    return train_model(line, settings, folder, Surgery(), told.append)


def settings_for(data: DataSettings) -> TrainSettings:
    return TrainSettings(data, epochs=4, batch=16, learning_rate=0.1, warmup_share=0.3)


def test_it_learns_tells_its_steps_and_keeps_the_best_epoch(data: DataSettings, tmp_path: Path) -> None:
    line, told = Line(), []
    trained = train(line, settings_for(data), tmp_path / "c", told)
    assert trained.task == "regression"
    assert len(trained.epochs) == 4
    losses = [epoch.validation_loss for epoch in trained.epochs]
    assert trained.best == int(np.argmin(losses))
    assert min(losses[1:]) < losses[0]
    assert abs(line.weight - 2) < 0.5
    assert not line.training
    assert [decode(Epoch, one["epoch"]) for one in told if "epoch" in one] == list(trained.epochs)
    assert told[-2] == {"stage": "training", "done": 16, "total": 16}


def test_the_weights_of_the_best_epoch_come_back(data: DataSettings, tmp_path: Path) -> None:
    line = Line()
    weights: list[float] = []
    save = line.save
    line.save = lambda path: (weights.append(line.weight), save(path))[1]  # type: ignore[method-assign]
    trained = train(line, replace(settings_for(data), epochs=12, learning_rate=0.6), tmp_path / "c")
    assert trained.best < 11
    assert line.weight == weights[trained.best + 1]


def test_patience_ends_it_before_its_last_epoch(data: DataSettings, tmp_path: Path) -> None:
    settings = replace(settings_for(data), epochs=40, learning_rate=0.6, patience=2)
    trained = train(Line(), settings, tmp_path / "c")
    assert len(trained.epochs) == trained.best + 3 < 40
    assert trained.stopped == "2 epochs brought no better validation loss"


@pytest.mark.parametrize("step", [1, 6, 9, 16])
def test_an_interrupted_training_ends_like_one_that_was_not(data: DataSettings, tmp_path: Path, step: int) -> None:
    whole, broken, resumed = Line(), Line(), Line()
    expected = train(whole, settings_for(data), tmp_path / "whole")

    def interrupt() -> float:
        raise Interruption

    broken.break_at[step] = interrupt
    with pytest.raises(Interruption):
        train(broken, settings_for(data), tmp_path / "c")
    told: list[Any] = []
    trained = train(resumed, settings_for(data), tmp_path / "c", told)
    assert trained.resumed == (step - 1) // 4
    assert resumed.steps == 16 - 4 * trained.resumed
    assert (resumed.weight, resumed.velocity) == (whole.weight, whole.velocity)
    assert [one.loss for one in trained.epochs] == [one.loss for one in expected.epochs]
    (begun,) = (decode(Begun, one["begun"]) for one in told if "begun" in one)
    assert begun == Begun(trained.resumed, "", "the mean squared error")
    assert sum("epoch" in one for one in told) == 4 - trained.resumed
    assert trained.notes == ()


def test_a_finished_training_is_not_repeated(data: DataSettings, tmp_path: Path) -> None:
    first, second = Line(), Line()
    trained = train(first, settings_for(data), tmp_path / "c")
    assert replace(trained, resumed=4) == train(second, settings_for(data), tmp_path / "c")
    assert second.steps == 0
    assert second.weight == first.weight


def test_other_settings_data_weights_or_shapes_begin_anew_and_say_so(data: DataSettings, tmp_path: Path) -> None:
    settings = settings_for(data)
    train(Line(), settings, tmp_path / "c")
    assert train(Line(), replace(settings, seed=1), tmp_path / "c").notes == (
        "the checkpoint is of other settings, data or weights, so the training began anew",
    )
    other = Line()
    other.weight = 1.0
    assert train(other, replace(settings, seed=1), tmp_path / "c").resumed == 0
    with np.load(data.path) as arrays:
        np.savez(data.path, x=arrays["x"], y=arrays["y"] + 1)
    assert train(Line(), replace(settings, seed=1), tmp_path / "c").notes
    pruned = train_model(
        Line(), replace(settings, seed=1), tmp_path / "c", Surgery((Operation(classes=2),)), lambda _: None
    )
    assert pruned.resumed == 0
    assert train(Line(), settings, tmp_path / "c").resumed == 0


@pytest.mark.parametrize("harm", ["cut", "gone"])
def test_a_damaged_checkpoint_begins_anew_and_says_so(data: DataSettings, tmp_path: Path, harm: str) -> None:
    train(Line(), settings_for(data), tmp_path / "c")
    if harm == "cut":
        (tmp_path / "c/training.json").write_text("{")
    else:
        (tmp_path / "c/epoch-0004.state").unlink()
    trained = train(Line(), settings_for(data), tmp_path / "c")
    assert trained.resumed == 0
    assert "training.json" in trained.notes[0]


def test_only_the_last_and_the_best_state_are_kept(data: DataSettings, tmp_path: Path) -> None:
    trained = train(Line(), replace(settings_for(data), epochs=9, learning_rate=0.6), tmp_path / "c")
    names = {path.name for path in (tmp_path / "c").iterdir()}
    assert names == {"training.json", "epoch-0009.state", f"epoch-{trained.best + 1:04d}.state"}


@pytest.mark.parametrize(("step", "kept"), [(3, "the beginning"), (11, "epoch 2")])
def test_nan_stops_at_once_and_brings_the_last_good_weights_back(
    data: DataSettings, tmp_path: Path, step: int, kept: str
) -> None:
    line, good = Line(), Line()

    def spoil() -> float:
        line.weight = float("nan")
        return float("nan")

    line.break_at[step] = spoil
    with pytest.raises(ConversionError) as error:
        train(line, settings_for(data), tmp_path / "c")
    assert (
        f"step {(step - 1) % 4 + 1} of 4 in epoch {(step - 1) // 4 + 1}; the weights of {kept}" in error.value.message
    )
    assert "Lower the learning rate: it was 0.1" in error.value.hint
    good.break_at[step] = lambda: float("inf")
    with pytest.raises(ConversionError, match="NaN or infinite"):
        train(good, settings_for(data), tmp_path / "other")
    assert line.weight == good.weight
    assert line.steps == step
    assert not line.training


def test_nan_in_validation_stops_it_too(data: DataSettings, tmp_path: Path) -> None:
    line = Line()
    line.look = lambda *_: (float("nan"), {})  # type: ignore[method-assign,assignment]
    with pytest.raises(ConversionError, match="at the validation after epoch 1; the weights of the beginning"):
        train(line, settings_for(data), tmp_path / "c")
    assert line.weight == 0.0


def test_a_weight_that_is_nan_behind_a_finite_loss_stops_it_too(data: DataSettings, tmp_path: Path) -> None:
    line = Line()
    line.hidden_nan = True
    with pytest.raises(ConversionError, match="a weight, became NaN or infinite at the validation after epoch 1"):
        train_model(line, TrainSettings(data, epochs=1), tmp_path, Surgery(), lambda _: None)


def test_a_full_disk_leaves_the_last_good_state_to_go_on_from(data: DataSettings, tmp_path: Path) -> None:
    line, whole, again = Line(), Line(), Line()
    line.full_from = 4
    with pytest.raises(OSError, match="No space left"):
        train(line, settings_for(data), tmp_path / "c")
    assert not list((tmp_path / "c").glob("*.tmp"))
    train(whole, settings_for(data), tmp_path / "whole")
    assert train(again, settings_for(data), tmp_path / "c").resumed == 2
    assert again.weight == whole.weight


def test_what_training_would_refuse_is_refused_by_a_few_samples(data: DataSettings, tmp_path: Path) -> None:
    line, settings = Line(), settings_for(data)
    check_training(line, settings)
    with np.load(data.path) as arrays:
        np.savez(tmp_path / "unlabelled.npz", x=arrays["x"])
        np.savez(tmp_path / "wide.npz", x=arrays["x"], y=np.zeros((60, 3), np.float32))
    unlabelled = DataSettings(str(tmp_path / "unlabelled.npz"), None, 0)
    plain = replace(settings, data=unlabelled, task="regression")
    check_training(line, replace(plain, teacher=TeacherSettings("not there yet")))
    for wrong, error, told in (
        (plain, DataError, "no labels for output y"),
        (replace(settings, data=DataSettings(str(tmp_path / "wide.npz"), None, 0)), DataError, "do not fit output y"),
        (replace(settings, validation=unlabelled), DataError, "the validation samples have no labels for y"),
        (replace(settings, freeze=1.0), RecipeError, "share that does not train"),
        (replace(settings, task="nowhere:loss"), DataError, "nowhere"),
    ):
        with pytest.raises(error, match=told):
            check_training(line, wrong)
    assert line.steps == 0
    assert not line.training


def test_a_teacher_alone_teaches_row_by_row(data: DataSettings, tmp_path: Path) -> None:
    with np.load(data.path) as arrays:
        np.savez(tmp_path / "unlabelled.npz", x=arrays["x"])
        np.savez(tmp_path / "t.npz", theirs=3 * arrays["x"])
    unlabelled = DataSettings(str(tmp_path / "unlabelled.npz"), None, 0)
    line, settings = Line(), replace(settings_for(data), data=unlabelled, task="regression")
    with pytest.raises(DataError, match="no labels for output y"):
        train(line, settings, tmp_path / "c")
    taught = replace(settings, epochs=10, teacher=TeacherSettings(str(tmp_path / "t.npz")))
    trained = train(line, taught, tmp_path / "c")
    assert abs(line.weight - 3) < 0.3
    assert trained.epochs[-1].validation_loss < 0.1


def test_a_teacher_elsewhere_is_the_same_teacher(data: DataSettings, tmp_path: Path) -> None:
    for name in ("t.npz", "u.npz"):
        np.savez(tmp_path / name, y=np.ones((60, 1), np.float32))
    taught = replace(settings_for(data), teacher=TeacherSettings(str(tmp_path / "t.npz")))
    train(Line(), taught, tmp_path / "c")
    moved = replace(taught, teacher=TeacherSettings(str(tmp_path / "u.npz")))
    assert train(Line(), moved, tmp_path / "c").resumed == 4


def test_validation_samples_of_their_own_need_labels(data: DataSettings, tmp_path: Path) -> None:
    np.savez(tmp_path / "v.npz", x=np.ones((4, 1), np.float32))
    settings = replace(settings_for(data), validation=DataSettings(str(tmp_path / "v.npz"), None, 0))
    with pytest.raises(DataError, match=r"v\.npz: the validation samples have no labels for y"):
        train(Line(), settings, tmp_path / "c")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"epochs": 0}, "epochs 0: allowed: at least 1"),
        ({"batch": 0}, "batch 0"),
        ({"learning_rate": 0.0}, "learning rate 0.0: allowed: above 0"),
        ({"learning_rate": float("nan")}, "learning rate nan"),
        ({"warmup_share": 1.0}, "warm-up share 1.0"),
        ({"patience": 0}, "patience 0"),
        ({"freeze": 1.0}, "share that does not train 1.0"),
        ({"teacher": TeacherSettings("t.npz", weight=0.0)}, "weight 0, weight of features 0"),
        ({"teacher": TeacherSettings("t.npz", temperature=0.0)}, "temperature 0"),
    ],
)
def test_numbers_out_of_range_are_refused(data: DataSettings, tmp_path: Path, change: Any, text: str) -> None:
    with pytest.raises(RecipeError, match=text):
        train(Line(), replace(settings_for(data), **change), tmp_path / "c")


def test_the_folder_of_checkpoints_must_be_one(data: DataSettings, tmp_path: Path) -> None:
    (tmp_path / "c").write_text("a file")
    from edgekit_runtime.errors import OutputError

    with pytest.raises(OutputError, match="no folder for checkpoints"):
        train(Line(), settings_for(data), tmp_path / "c")
