"""Train a small Keras CNN on scikit-learn's digits; run as a program, in a child process.

The digits are 1,797 pictures of 8 x 8 pixels, 0 to 16 (E. Alpaydin, C. Kaynak, UCI Machine
Learning Repository, 1998), and come inside scikit-learn, so nothing is downloaded.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from pathlib import Path  # TensorFlow reads the line above when it is imported
from typing import Any  # as above

import keras  # as above
import numpy as np  # as above

from edgekit_runtime.child import Report, serve  # as above
from edgekit_runtime.errors import MissingExtraError  # as above

EPOCHS = 8
TRAINED, CALIBRATED = 1297, 300  # of the first TRAINED pictures the first CALIBRATED calibrate; the rest evaluate


def build_network() -> keras.Model:
    """A small CNN for pictures `(8, 8, 1)` of 0 to 16: 10 classes."""
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((8, 8, 1), name="picture"),
            layers.Rescaling(1 / 16),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(10, activation="softmax", name="digit"),
        ],
        name="digits",
    )


def train(payload: dict[str, Any], report: Report) -> dict[str, Any]:
    """Train, and write `digits.keras`, `train.npz`, `calibrate.npz` and `evaluate.npz` into a folder.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise MissingExtraError("scikit-learn is not installed.", hint="Run: pip install 'edgekit[demo]'") from error
    digits, folder = load_digits(), Path(payload["folder"])
    keras.utils.set_random_seed(int(payload["seed"]))
    order = np.random.default_rng(0).permutation(len(digits.images))
    x, y = digits.images[order, :, :, None].astype("float32"), digits.target[order].astype("int64")
    model = build_network()
    model.compile(optimizer=keras.optimizers.Adam(3e-3), loss="sparse_categorical_crossentropy")
    for epoch in range(EPOCHS):
        model.fit(x[:TRAINED], y[:TRAINED], batch_size=64, epochs=1, verbose=0)
        report({"done": epoch + 1, "total": EPOCHS})
    model.save(folder / "digits.keras")
    np.savez(folder / "train.npz", x=x[:TRAINED], y=y[:TRAINED])
    np.savez(folder / "calibrate.npz", x=x[:CALIBRATED])
    np.savez(folder / "evaluate.npz", x=x[TRAINED:], y=y[TRAINED:])
    return {}


if __name__ == "__main__":
    serve({"train": train})
