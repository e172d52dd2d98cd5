"""Train a Keras model in the shortest loop that does what edgekit's does: steps, then the loss of held samples.

bare_keras_training.py ANSWER.json MODEL.keras DATA.npz EPOCHS BATCH
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf

HELD_SHARE = 0.1


def main() -> None:
    """Write how much processor time each epoch took."""
    answer, path, data, epochs, batch = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
    model = keras.models.load_model(path)
    with np.load(data) as arrays:
        x, y = arrays["x"], arrays["y"]
    held = round(len(x) * HELD_SHARE)
    optimizer, measure = keras.optimizers.Adam(1e-4), keras.losses.SparseCategoricalCrossentropy()
    optimizer.build(model.trainable_variables)

    @tf.function
    def step(inputs: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = measure(labels, model(inputs, training=True))
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    @tf.function
    def look(inputs: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        return measure(labels, model(inputs, training=False))

    random, seconds = np.random.default_rng(0), []
    for _ in range(epochs):
        begun = time.process_time()
        order = held + random.permutation(len(x) - held)
        for rows in np.split(order, len(order) // batch):
            float(step(x[rows], y[rows]))
        for rows in np.split(np.arange(held), held // batch):
            float(look(x[rows], y[rows]))
        seconds.append(time.process_time() - begun)
    answer.write_text(json.dumps({"seconds": seconds}), encoding="utf-8")


main()
