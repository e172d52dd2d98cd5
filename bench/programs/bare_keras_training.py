"""The shortest loop that trains a Keras model as edgekit does: steps, then the loss of held samples."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

HELD_SHARE = 0.1


def bare_epoch(path: str, data: str, batch: int) -> Callable[[], None]:
    """A function that trains for an epoch."""
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

    random = np.random.default_rng(0)

    def epoch() -> None:
        order = held + random.permutation(len(x) - held)
        for rows in np.split(order, len(order) // batch):
            float(step(x[rows], y[rows]))
        for rows in np.split(np.arange(held), held // batch):
            float(look(x[rows], y[rows]))

    return epoch
