"""Make a residual network for pictures of 32 x 32, like ResNet8 of MLPerf Tiny, and samples to train it with.

make_training.py ANSWER.json FOLDER: writes residual.keras, samples.npz (channels last) and samples_first.npz.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np

SAMPLES, CLASSES, SHAPE = 1280, 10, (32, 32, 3)
layers = keras.layers


def residual() -> keras.Model:
    """Three residual blocks of 16, 32 and 64 channels."""
    x = picture = layers.Input(SHAPE, name="image")
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(16, 3, padding="same")(x)))
    for filters, strides in ((16, 1), (32, 2), (64, 2)):
        y = layers.Conv2D(filters, 3, strides=strides, padding="same")(x)
        y = layers.Conv2D(filters, 3, padding="same")(layers.ReLU()(layers.BatchNormalization()(y)))
        short = x if strides == 1 else layers.Conv2D(filters, 1, strides=strides)(x)
        x = layers.ReLU()(layers.Add()([short, layers.BatchNormalization()(y)]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(picture, layers.Dense(CLASSES, activation="softmax")(x))


def main() -> None:
    """Write them, the model last."""
    folder, random = Path(sys.argv[2]), np.random.default_rng(0)
    keras.utils.set_random_seed(0)
    x, y = random.normal(size=(SAMPLES, *SHAPE)).astype("float32"), random.integers(0, CLASSES, SAMPLES)
    np.savez(folder / "samples.npz", x=x, y=y)
    np.savez(folder / "samples_first.npz", x=np.ascontiguousarray(x.transpose(0, 3, 1, 2)), y=y)
    residual().save(folder / "residual.keras")
    Path(sys.argv[1]).write_text("{}", encoding="utf-8")


main()
