"""Attention maps of a Keras model's layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

SMALLEST = 1e-12  # of a map's squared length, which it is divided by


def feature_layers(model: Any) -> dict[str, tuple[int, ...]]:
    """For each size of map the last layer that gives it, in the order in which they run.

    Args:
        model: A functional or sequential model of Keras 3.
    """
    last: dict[tuple[int, ...], str] = {}
    for layer in model.layers:
        size = _map_size(layer)
        if size is not None:
            last.pop(size, None)
            last[size] = layer.name
    return {name: size for size, name in last.items()}


def with_maps(model: Any, layers: Sequence[str]) -> Any:
    """The model with the outputs of some layers behind its own."""
    if not layers:
        return model
    return keras.Model(
        model.inputs, [*tf.nest.flatten(model.outputs), *(model.get_layer(name).output for name in layers)]
    )


def attention_map(values: Any) -> Any:
    """The mean of the squares over the channels, `(N, ...)` from `(N, ..., C)`, each sample's scaled to length 1."""
    squares = tf.reduce_mean(tf.square(tf.cast(values, tf.float32)), axis=-1)
    axes = list(range(1, len(squares.shape)))
    return squares * tf.math.rsqrt(tf.reduce_sum(tf.square(squares), axis=axes, keepdims=True) + SMALLEST)


def maps_of(model: Any, values: Sequence[Any], layers: Sequence[str]) -> dict[str, np.ndarray]:
    """The attention maps of some layers for a batch."""
    given = with_maps(model, layers)(list(values), training=False)
    found = tf.nest.flatten(given)[-len(layers) :]
    return {name: np.asarray(attention_map(value)) for name, value in zip(layers, found, strict=True)}


def _map_size(layer: Any) -> tuple[int, ...] | None:
    try:
        shape = tuple(layer.output.shape)
    except (AttributeError, ValueError, RuntimeError):  # called at several places, never, or with several outputs
        return None
    size = shape[1:-1]
    if isinstance(layer, keras.layers.InputLayer) or len(size) not in (1, 2) or None in size or math.prod(size) < 2:
        return None
    return tuple(int(one) for one in size)
