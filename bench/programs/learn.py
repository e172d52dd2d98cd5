"""Train students with a teacher and without, with edgekit's loop, on a task where a teacher knows more than labels do.

learn.py ANSWER.json digits|made SEED

`digits`: scikit-learn's digits; the student is the teacher with half of its MACs pruned away.
`made`: points of 10 numbers in 5 classes by a hidden network; a teacher saw 20,000 of them with labels, a small student
sees 2,000, of which 100 have labels. Plain training has the 100; the teacher answers all 2,000.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np

from edgekit_converters.compress.prune import prune_model
from edgekit_converters.compress.settings import PruneSettings, TeacherSettings, TrainSettings
from edgekit_converters.compress.surgery import Surgery
from edgekit_converters.compress.train import train_model
from edgekit_converters.keras.compressible import CompressibleModel
from edgekit_converters.keras.model import load_model
from edgekit_converters.settings import DataSettings

layers = keras.layers
Arrays = tuple[np.ndarray, np.ndarray]


def main() -> None:
    """Write the share of right answers of the teacher and of both students, on samples that none has seen."""
    answer, task, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    with tempfile.TemporaryDirectory() as folder:
        found = {"digits": digits, "made": made}[task](Path(folder), seed)
    answer.write_text(json.dumps(found), encoding="utf-8")


def digits(folder: Path, seed: int) -> dict[str, float]:
    """Prune the teacher, then train what is left."""
    from sklearn.datasets import load_digits

    known = load_digits()
    order = np.random.default_rng(seed).permutation(len(known.images))
    x, y = known.images[order, :, :, None].astype(np.float32) / 16, known.target[order]
    data, held = save(folder, "train", x[:1297], y[:1297]), (x[1297:], y[1297:])
    keras.utils.set_random_seed(seed)
    picture = layers.Input((8, 8, 1))
    z = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(layers.Conv2D(32, 3, padding="same")(picture)))
    for _ in range(2):
        inner = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(layers.Conv2D(32, 3, padding="same")(z)))
        inner = layers.BatchNormalization(momentum=0.9)(layers.Conv2D(32, 3, padding="same")(inner))
        z = layers.ReLU()(layers.Add()([z, inner]))
    model = keras.Model(picture, layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(z)))
    teacher = train(folder, "teacher", model, TrainSettings(data, epochs=8, learning_rate=3e-3, seed=seed))
    lesson = ask(folder, teacher, x[:1297])
    settings = TrainSettings(data, epochs=3, learning_rate=1e-3, seed=seed)
    students = []
    for name, help_by in (("plain", None), ("taught", lesson)):
        student = load_model(folder / "teacher.keras", "keras", trust=False, custom=())
        assert isinstance(student, CompressibleModel)
        prune_model(student, PruneSettings(share=0.5), lambda _: None)
        learn(folder, name, student, replace(settings, teacher=help_by))
        students.append(student)
    return scores(held, teacher, *students)


def made(folder: Path, seed: int) -> dict[str, float]:
    """Label 100 points, and let the teacher answer for 2,000."""
    random = np.random.default_rng(seed)
    mix, out = random.normal(size=(10, 30)) / 6, random.normal(size=(30, 5))

    def drawn(count: int) -> Arrays:
        x = random.normal(size=(count, 10)).astype(np.float32)
        return x, np.tanh(x @ mix) @ out + random.gumbel(size=(count, 5)) * 0.3

    def labelled(count: int) -> Arrays:
        x, values = drawn(count)
        return x, values.argmax(1)

    many, few, held = save(folder, "many", *labelled(20_000)), labelled(2_000), labelled(5_000)
    keras.utils.set_random_seed(seed)
    teacher = train(
        folder, "teacher", dense(128), TrainSettings(many, epochs=10, batch=128, learning_rate=3e-3, seed=seed)
    )
    keras.utils.set_random_seed(seed)
    dense(24).save(folder / "student.keras")
    plain = TrainSettings(
        save(folder, "labelled", few[0][:100], few[1][:100]), epochs=60, batch=10, learning_rate=3e-3, seed=seed
    )
    unlabelled = DataSettings(str(folder / "unlabelled.npz"), None, 0)
    np.savez(unlabelled.path, x=few[0])
    taught = replace(plain, data=unlabelled, batch=32, epochs=10, teacher=ask(folder, teacher, few[0], temperature=1.0))
    students = []
    for name, settings in (("plain", plain), ("taught", taught)):
        student = load_model(folder / "student.keras", "keras", trust=False, custom=())
        assert isinstance(student, CompressibleModel)
        learn(folder, name, student, settings)
        students.append(student)
    return scores(held, teacher, *students)


def dense(width: int) -> keras.Model:
    """Two hidden layers."""
    hidden = [layers.Dense(width, activation="relu") for _ in range(2)]
    return keras.Sequential([layers.Input((10,)), *hidden, layers.Dense(5, activation="softmax")])


def train(folder: Path, name: str, network: keras.Model, settings: TrainSettings) -> CompressibleModel:
    """Train a network, and write it."""
    network.save(folder / f"{name}.keras")
    model = load_model(folder / f"{name}.keras", "keras", trust=False, custom=())
    assert isinstance(model, CompressibleModel)
    learn(folder, name, model, settings)
    model.layers.save(folder / f"{name}.keras")
    return model


def learn(folder: Path, name: str, model: CompressibleModel, settings: TrainSettings) -> None:
    """Train a live model."""
    train_model(model, settings, folder / f"{name}-states", Surgery(), lambda _: None)


def ask(folder: Path, teacher: CompressibleModel, x: np.ndarray, temperature: float = 4.0) -> TeacherSettings:
    """Write a teacher's answers."""
    path = folder / "answers.npz"
    np.savez(path, **teacher.predict({teacher.info.inputs[0].name: x}))
    return TeacherSettings(str(path), temperature=temperature)


def save(folder: Path, name: str, x: np.ndarray, y: np.ndarray) -> DataSettings:
    """Write samples with labels."""
    np.savez(folder / f"{name}.npz", x=x, y=y)
    return DataSettings(str(folder / f"{name}.npz"), None, 0)


def scores(held: Arrays, *models: CompressibleModel) -> dict[str, float]:
    """The share of right answers of the teacher, the student without it, and the student with it."""
    found = []
    for model in models:
        (given,) = model.predict({model.info.inputs[0].name: held[0]}).values()
        found.append(float(np.mean(given.argmax(1) == held[1])))
    return dict(zip(("teacher", "plain", "taught"), found, strict=True))


main()
