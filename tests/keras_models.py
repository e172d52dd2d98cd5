"""Make small Keras models and their data; run as a program, so that the tests' own process stays free of TensorFlow."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np

layers = keras.layers


@keras.saving.register_keras_serializable(package="shop")
class Doubler(layers.Layer):
    """A layer of the user's own."""

    def call(self, inputs: object) -> object:
        return inputs * 2


def cnn() -> keras.Model:
    """Classifies pictures (6, 6, 1) into 3 classes."""
    picture = layers.Input((6, 6, 1), name="picture")
    x = layers.Conv2D(8, 3, padding="same")(picture)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.Add()([x, layers.Conv2D(8, 1)(x)])
    x = layers.Flatten()(x)
    return keras.Model(picture, layers.Dense(3, activation="softmax", name="kind")(x), name="cnn")


def two_by_two() -> keras.Model:
    """Two inputs and two outputs, in an order that is not the alphabet's."""
    wide, narrow = layers.Input((4,), name="wide"), layers.Input((2,), name="narrow")
    joined = layers.Concatenate()([wide, layers.Dense(4, name="grow")(narrow)])
    sign = layers.Dense(2, name="sign")(joined)
    return keras.Model([wide, narrow], [sign, layers.Dense(3, name="area")(narrow)], name="two")


def sequential_with(layer: layers.Layer, shape: tuple[int | None, ...] = (4,)) -> keras.Model:
    """A model of one layer and a dense one."""
    return keras.Sequential([layers.Input(shape), layer, layers.Dense(2, name="out")])


def main(folder: Path) -> None:
    """Write everything."""
    keras.utils.set_random_seed(7)
    model = cnn()
    model.save(folder / "cnn.keras")
    model.save(folder / "cnn.h5")
    model.save_weights(folder / "only.weights.h5")
    two_by_two().save(folder / "two.keras")
    sequential_with(layers.Lambda(lambda x: x * 2, name="sneaky")).save(folder / "lambda.keras")
    sequential_with(layers.Lambda(lambda x: x * 2, name="sneaky")).save(folder / "lambda.h5")
    sequential_with(Doubler(name="mine")).save(folder / "custom.keras")
    keras.Sequential([layers.Input((None, 4)), layers.Dense(2)]).save(folder / "free.keras")
    random = np.random.default_rng(0)
    x = random.normal(size=(60, 6, 6, 1)).astype("float32")
    kinds = np.asarray(model(x)).argmax(axis=1)
    np.savez(folder / "calibrate.npz", x=x[:40])
    np.savez(folder / "evaluate.npz", x=x, y=kinds)
    wide, narrow = random.normal(size=(20, 4)).astype("float32"), random.normal(size=(20, 2)).astype("float32")
    np.savez(folder / "two.npz", wide=wide, narrow=narrow)


main(Path(sys.argv[1]))
