"""What the outputs of a Keras model are: probabilities or other numbers, told by the layer that gives them."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from edgekit_converters.compress.losses import LINEAR, SIGMOID, SOFTMAX

KNOWN = {"softmax": SOFTMAX, "sigmoid": SIGMOID, "linear": LINEAR, "relu": LINEAR, "tanh": LINEAR}
PASSING = (keras.layers.Reshape, keras.layers.Flatten, keras.layers.Dropout)


def output_forms(model: Any) -> tuple[str, ...]:
    """For each output one of `FORMS`; empty where only its values can tell."""
    return tuple(_form(tensor) for tensor in tf.nest.flatten(model.outputs))


def _form(tensor: Any) -> str:
    while True:
        layer = producer(tensor)
        if not isinstance(layer, PASSING):
            break
        tensor = layer.input
    if isinstance(layer, keras.layers.Softmax):
        return SOFTMAX
    activation = getattr(layer, "activation", None)
    return KNOWN.get(getattr(activation, "__name__", ""), "")


def producer(tensor: Any) -> Any:
    """The layer or operation that gives a tensor of a model."""
    return tensor._keras_history.operation  # no public face
