"""Training of Keras models inside a session: seeds, resumption, losses by task, teachers, heads, what is refused."""

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit_converters.binding import open_exported
from edgekit_converters.compress.results import Epoch, Trained
from edgekit_converters.compress.settings import PruneSettings, TeacherSettings, TrainSettings, TransferSettings
from edgekit_converters.detect import detect_source
from edgekit_converters.framework import FrameworkSession
from edgekit_converters.settings import DataSettings, SourceSettings
from edgekit_converters.source import SourceInfo
from edgekit_runtime.codec import encode
from edgekit_runtime.errors import ConversionError, DataError, OutputError, RecipeError
from edgekit_runtime.progress import silent

pytestmark = pytest.mark.slow

KERAS = "edgekit_converters.keras"
MAKE = """
import os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
layers = keras.layers
folder = sys.argv[1]
keras.utils.set_random_seed(0)

def save(name, model):
    model.save(f"{folder}/{name}.keras")

picture = layers.Input((8, 8, 1), name="picture")
x = layers.Conv2D(8, 3, padding="same", activation="relu", name="first")(picture)
x = layers.BatchNormalization(momentum=0.7, name="norm")(x)
x = layers.Dropout(0.2)(x)
x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="second")(x)
x = layers.Flatten()(x)
save("pictures", keras.Model(picture, layers.Dense(4, activation="softmax", name="kind")(x)))
save("logits", keras.Model(picture, layers.Dense(4, name="kind")(x)))
save("two", keras.Model(picture, [layers.Dense(4, name="kind")(x), layers.Dense(1, name="size")(x)]))
save("fixed", keras.Sequential([layers.Input((8, 8, 1), batch_size=1), layers.Flatten(), layers.Dense(4)]))
loop = layers.LSTM(5, dropout=0.1)
save("words", keras.Sequential([layers.Input((6, 3)), loop, layers.Dense(2, activation="softmax")]))
save("mirror", keras.Sequential([layers.Input((5,)), layers.Dense(3, activation="relu"), layers.Dense(5)]))
slow = layers.BatchNormalization(momentum=0.999)(layers.Conv2D(4, 3)(picture))
save("slow", keras.Model(picture, layers.Dense(4, activation="softmax")(layers.Flatten()(slow))))
save("constant", keras.Sequential([layers.Input((5,)), layers.Rescaling(2.0)]))

random = np.random.default_rng(0)
y = np.arange(120) % 4
x = random.normal(size=(120, 8, 8, 1)).astype("float32") * 0.3
for place, kind in enumerate(y):
    x[place, 2 * (kind // 2) + 1, 2 * (kind % 2) + 1] += 3
np.savez(f"{folder}/pictures.npz", x=x, y=y)
np.savez(f"{folder}/plain.npz", x=x)
np.savez(f"{folder}/two.npz", x=x, **{"y.kind": y, "y.size": y.astype("float32")})
np.savez(f"{folder}/half.npz", x=x, y=y)
z = random.normal(size=(80, 6, 3)).astype("float32")
np.savez(f"{folder}/words.npz", x=z, y=(z.sum((1, 2)) > 0).astype(int))
np.savez(f"{folder}/mirror.npz", x=random.normal(size=(60, 5)).astype("float32"))
"""
LOSS = """
import keras

def twice(outputs, labels):
    wanted = keras.ops.one_hot(labels["kind"], 4)
    return 2 * keras.ops.mean(keras.ops.square(outputs["kind"] - wanted))

def wide(outputs, labels):
    return outputs["kind"]

def broken(outputs, labels):
    return outputs["nothing"]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("train")
    (found / "own_losses.py").write_text(LOSS)
    subprocess.run([sys.executable, "-c", MAKE, found], check=True, capture_output=True)
    return found


@pytest.fixture(scope="module")
def session(folder: Path) -> Iterator[FrameworkSession]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with FrameworkSession(KERAS) as session:
            yield session


def load(session: FrameworkSession, path: Path) -> SourceInfo:
    return session.load(SourceSettings(str(path), detect_source(path), trust=True))


def settings_for(folder: Path, data: str, **others: Any) -> TrainSettings:
    chosen = {"epochs": 2, "batch": 20, "learning_rate": 1e-2} | others
    return TrainSettings(DataSettings(str(folder / f"{data}.npz"), None, 0), **chosen)


def train(session: FrameworkSession, settings: TrainSettings, checkpoint: Path) -> Trained:
    return session.compression.train(settings, checkpoint, silent, lambda _: None)


def outputs(session: FrameworkSession, data: Path, path: Path) -> dict[str, np.ndarray]:
    session.predict(DataSettings(str(data), None, 0), path, silent)
    with np.load(path) as arrays:
        return {name: arrays[name] for name in arrays.files}


@pytest.mark.parametrize("name", ["pictures", "logits"])
def test_it_learns_from_class_numbers_and_exports_what_it_learned(
    session: FrameworkSession, folder: Path, tmp_path: Path, name: str
) -> None:
    info = load(session, folder / f"{name}.keras")
    trained = train(session, settings_for(folder, "pictures", epochs=8), tmp_path / "c")
    assert trained.task == "classification"
    assert trained.epochs[trained.best].accuracy == 1.0
    assert trained.epochs[-1].loss < trained.epochs[0].loss / 2
    check_export(session, info, folder / "pictures.npz", tmp_path)


def check_export(session: FrameworkSession, info: SourceInfo, data: Path, folder: Path) -> None:
    session.export(folder / "m.tflite", "tflite")
    interpreter, _ = open_exported(folder / "m.tflite", info)
    given = outputs(session, data, folder / "given.npz")
    with np.load(data) as arrays:
        interpreter.set_input(0, arrays["x"][:1])
    interpreter.invoke()
    np.testing.assert_allclose(interpreter.output(0), given[info.outputs[0].name][:1], atol=1e-5)


def test_the_same_seed_gives_the_same_bits_in_another_process_and_after_an_interruption(
    session: FrameworkSession, folder: Path, tmp_path: Path
) -> None:
    settings, data = settings_for(folder, "pictures", epochs=3), folder / "pictures.npz"
    load(session, folder / "pictures.keras")
    train(session, settings, tmp_path / "whole")
    expected = outputs(session, data, tmp_path / "expected.npz")["kind"]

    def interrupt(_: Epoch) -> None:
        raise KeyboardInterrupt

    with FrameworkSession(KERAS) as other:
        load(other, folder / "pictures.keras")
        with pytest.raises(KeyboardInterrupt):
            other.compression.train(settings, tmp_path / "broken", silent, interrupt)
    load(session, folder / "pictures.keras")
    assert train(session, settings, tmp_path / "broken").resumed >= 1
    assert np.array_equal(outputs(session, data, tmp_path / "found.npz")["kind"], expected)


def test_the_checksum_of_a_network_follows_its_weights(session: FrameworkSession, folder: Path, tmp_path: Path) -> None:
    load(session, folder / "pictures.keras")
    before = session.compression.checksum()
    assert session.compression.checksum() == before
    train(session, settings_for(folder, "pictures", epochs=1), tmp_path / "c")
    assert session.compression.checksum() != before
    load(session, folder / "pictures.keras")
    assert session.compression.checksum() == before


def test_an_lstm_learns_in_its_loop_and_exports_unrolled(
    session: FrameworkSession, folder: Path, tmp_path: Path
) -> None:
    info = load(session, folder / "words.keras")
    before = outputs(session, folder / "words.npz", tmp_path / "before.npz")
    train(session, settings_for(folder, "words", epochs=3), tmp_path / "c")
    after = outputs(session, folder / "words.npz", tmp_path / "after.npz")
    assert np.ptp(after[info.outputs[0].name] - before[info.outputs[0].name]) > 0.01
    check_export(session, info, folder / "words.npz", tmp_path)


def test_every_output_has_labels_of_its_own(session: FrameworkSession, folder: Path, tmp_path: Path) -> None:
    load(session, folder / "two.keras")
    trained = train(session, settings_for(folder, "two"), tmp_path / "c")
    assert trained.task == "classification, regression"
    with pytest.raises(DataError, match=r"half\.npz: it has no labels for output size"):
        train(session, settings_for(folder, "half"), tmp_path / "d")


def test_an_autoencoder_needs_no_labels(session: FrameworkSession, folder: Path, tmp_path: Path) -> None:
    load(session, folder / "mirror.keras")
    trained = train(session, settings_for(folder, "mirror", epochs=4), tmp_path / "c")
    assert trained.task == "autoencoder"
    assert trained.epochs[-1].validation_loss < trained.epochs[0].validation_loss


def test_a_loss_of_the_users_own(session: FrameworkSession, folder: Path, tmp_path: Path) -> None:
    load(session, folder / "pictures.keras")
    trained = train(session, settings_for(folder, "pictures", task="own_losses:twice", epochs=4), tmp_path / "c")
    assert trained.task == "own_losses:twice"
    assert trained.epochs[-1].loss < trained.epochs[0].loss
    with pytest.raises(DataError, match=r"own_losses:wide: it gave float32 of shape .*allowed: one real number"):
        train(session, settings_for(folder, "pictures", task="own_losses:wide"), tmp_path / "d")
    with pytest.raises(DataError, match=r"own_losses\.py, line 12: KeyError"):
        train(session, settings_for(folder, "pictures", task="own_losses:broken"), tmp_path / "e")
    with pytest.raises(DataError, match="has no function missing; it has: twice, wide, broken"):
        train(session, settings_for(folder, "pictures", task="own_losses:missing"), tmp_path / "f")


def test_a_teacher_teaches_without_labels_by_outputs_and_by_features(
    session: FrameworkSession, folder: Path, tmp_path: Path
) -> None:
    load(session, folder / "logits.keras")
    train(session, settings_for(folder, "pictures", epochs=8), tmp_path / "c")
    plain = settings_for(folder, "plain", epochs=12, learning_rate=2e-2)
    session.predict(plain.data, tmp_path / "t.npz", silent)
    layers = session.compression.features(plain.data, tmp_path / "maps", silent)
    assert layers == ("dropout", "second")
    load(session, folder / "pictures.keras")
    teacher = TeacherSettings(str(tmp_path / "t.npz"), str(tmp_path / "maps"), feature_weight=0.5)
    trained = train(session, replace(plain, teacher=teacher), tmp_path / "d")
    assert (trained.task, trained.notes) == ("classification", ())
    given = outputs(session, folder / "plain.npz", tmp_path / "o.npz")["kind"]
    with np.load(folder / "pictures.npz") as data:
        assert np.mean(given.argmax(1) == data["y"]) > 0.9


def test_a_teacher_for_other_classes_is_refused(session: FrameworkSession, folder: Path, tmp_path: Path) -> None:
    load(session, folder / "pictures.keras")
    np.savez(tmp_path / "t.npz", kind=np.zeros((120, 7), np.float32))
    settings = settings_for(folder, "pictures", teacher=TeacherSettings(str(tmp_path / "t.npz")))
    with pytest.raises(RecipeError, match=r"do not match: kind \(7,\) beside kind \(4,\) of the model"):
        train(session, settings, tmp_path / "c")


def test_nan_stops_it_and_the_weights_are_those_before(session: FrameworkSession, folder: Path, tmp_path: Path) -> None:
    load(session, folder / "mirror.keras")
    before = outputs(session, folder / "mirror.npz", tmp_path / "a.npz")
    with pytest.raises(ConversionError, match=r"step \d of 3 in epoch 1; the weights of the beginning are kept"):
        train(session, settings_for(folder, "mirror", learning_rate=1e30), tmp_path / "c")
    after = outputs(session, folder / "mirror.npz", tmp_path / "b.npz")
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_frozen_layers_keep_their_weights_and_batch_norms_their_statistics(
    session: FrameworkSession, folder: Path, tmp_path: Path
) -> None:
    load(session, folder / "pictures.keras")
    data = DataSettings(str(folder / "pictures.npz"), None, 0)
    session.compression.features(data, tmp_path / "before", silent)
    train(session, settings_for(folder, "pictures", freeze=0.5), tmp_path / "c")
    session.compression.features(data, tmp_path / "after", silent)
    same = {
        path.stem: np.array_equal(np.load(path), np.load(tmp_path / "after" / path.name))
        for path in (tmp_path / "before").iterdir()
    }
    assert same == {"dropout": True, "second": False}


def test_slow_batch_norms_follow_a_short_training(session: FrameworkSession, folder: Path, tmp_path: Path) -> None:
    load(session, folder / "slow.keras")
    with np.load(folder / "pictures.npz") as data:
        np.savez(tmp_path / "far.npz", x=10 * data["x"] + 50, y=data["y"])
    far = replace(settings_for(folder, "pictures", epochs=6), data=DataSettings(str(tmp_path / "far.npz"), None, 0))
    trained = train(session, far, tmp_path / "c")
    assert trained.epochs[-1].validation_loss < 5 * trained.epochs[-1].loss + 0.5


def test_a_new_head_learns_other_classes_and_comes_back_with_its_weights(
    session: FrameworkSession, folder: Path, tmp_path: Path
) -> None:
    load(session, folder / "pictures.keras")
    info = session.compression.transfer(TransferSettings(6, seed=3))
    assert [spec.shape for spec in info.outputs] == [(-1, 6)]
    trained = train(session, settings_for(folder, "pictures", epochs=1), tmp_path / "c")
    assert trained.task == "classification"
    expected = outputs(session, folder / "pictures.npz", tmp_path / "a.npz")["kind"]
    np.testing.assert_allclose(expected.sum(1), 1, atol=1e-5)
    session.compression.save(tmp_path / "kept")
    load(session, folder / "pictures.keras")
    assert session.compression.restore(tmp_path / "kept") == info == session.compression.info()
    assert np.array_equal(outputs(session, folder / "pictures.npz", tmp_path / "b.npz")["kind"], expected)


def test_the_same_seed_makes_the_same_head(session: FrameworkSession, folder: Path, tmp_path: Path) -> None:
    found = []
    for number, seed in enumerate((1, 1, 2)):
        load(session, folder / "pictures.keras")
        session.compression.transfer(TransferSettings(6, seed=seed))
        found.append(outputs(session, folder / "pictures.npz", tmp_path / f"{number}.npz")["kind"])
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("two", r"it has 2 outputs \(kind, size\)"),
        ("constant", r"its output comes from Rescaling 'rescaling'; a head that can be replaced is a dense layer"),
    ],
)
def test_what_has_no_head_is_refused_by_name(session: FrameworkSession, folder: Path, name: str, text: str) -> None:
    load(session, folder / f"{name}.keras")
    with pytest.raises(RecipeError, match=text):
        session.compression.transfer(TransferSettings(3))


def test_what_cannot_be_trained_is_refused(session: FrameworkSession, folder: Path, tmp_path: Path) -> None:
    load(session, folder / "constant.keras")
    with pytest.raises(RecipeError, match="no weights that could be trained"):
        train(session, settings_for(folder, "mirror"), tmp_path / "c")
    load(session, folder / "fixed.keras")
    with pytest.raises(RecipeError, match="it was built for batches of 1; allowed: batch 1"):
        train(session, settings_for(folder, "pictures"), tmp_path / "d")


def test_a_finished_file_is_refused_and_told_what_to_give(
    session: FrameworkSession, folder: Path, tmp_path: Path
) -> None:
    load(session, folder / "mirror.keras")
    session.export(tmp_path / "m.tflite", "tflite")
    with FrameworkSession("edgekit_converters.tflite") as other:
        load(other, tmp_path / "m.tflite")
        for call in (
            lambda: train(other, settings_for(folder, "mirror"), tmp_path / "c"),
            lambda: other.compression.transfer(TransferSettings(3)),
            lambda: other.compression.save(tmp_path / "kept"),
            lambda: other.compression.prune(PruneSettings(share=0.5), silent),
        ):
            with pytest.raises(RecipeError, match=r"this is a finished \.tflite file.*Give the Keras file"):
                call()


def test_a_disk_that_is_full_keeps_the_last_good_state(folder: Path, tmp_path: Path) -> None:
    """A limit on the size of files is what a full disk is to a write."""
    settings = settings_for(folder, "pictures")
    program = textwrap.dedent(f"""
        import resource, sys
        sys.path[:0] = {sys.path!r}
        from pathlib import Path
        from edgekit_converters.framework import FrameworkSession
        from edgekit_converters.settings import SourceSettings
        from edgekit_converters.compress.settings import TrainSettings
        from edgekit_runtime.codec import decode
        resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, 3_000))
        settings = decode(TrainSettings, {encode(settings)!r})
        with FrameworkSession({KERAS!r}) as session:
            session.load(SourceSettings({str(folder / "pictures.keras")!r}, "keras"))
            for call in (
                lambda: session.compression.train(settings, Path("c"), lambda *_: None, lambda _: None),
                lambda: session.compression.save(Path("kept")),
            ):
                try:
                    call()
                except Exception as error:
                    print(type(error).__name__, error)
    """)
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["OutputError", "OutputError"], done.stdout
    assert "c/epoch-0000.tmp: File too large" in lines[0]
    assert "kept.tmp: File too large" in lines[1]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_nothing_that_was_saved_is_told(session: FrameworkSession, folder: Path, tmp_path: Path) -> None:
    load(session, folder / "mirror.keras")
    with pytest.raises(OutputError, match=r"surgery\.json: nothing that was saved can be read"):
        session.compression.restore(tmp_path)
