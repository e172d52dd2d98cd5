"""What each layer of a Keras model gives for a sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from edgekit_converters.parting import Activation


def layer_activations(model: Any, library: Any, values: Sequence[Any]) -> tuple[Activation, ...]:
    """What each layer gives, in the order in which they run.

    A layer that is called at several places is left out, and so is all inside a nested model. A model
    that is written as a class tells no layers at all.

    Args:
        model: A model of Keras 3 or tf_keras.
        library: That library.
        values: One for each input, with a batch axis.
    """
    layers = [(layer, _outputs(layer)) for layer in model.layers if type(layer).__name__ != "InputLayer"]
    known = [(layer, outputs) for layer, outputs in layers if outputs]
    try:
        whole = library.Model(model.inputs, [outputs for _, outputs in known])
        given = tf.nest.flatten(whole(list(values), training=False))
    except (AttributeError, TypeError, ValueError, KeyError):  # what the two raise where there is no graph of layers
        return ()
    found, place = [], 0
    for layer, outputs in known:
        for number in range(len(outputs)):
            name = layer.name if number == 0 else f"{layer.name}_{number}"
            found.append(Activation(name, type(layer).__name__, _sources(layer), np.asarray(given[place])))
            place += 1
    return tuple(found)


def _outputs(layer: Any) -> list[Any]:
    try:
        return list(tf.nest.flatten(layer.output))
    except (AttributeError, ValueError, RuntimeError):  # called at several places, or never
        return []


def _sources(layer: Any) -> tuple[str, ...]:
    """Names of the layers that it takes its inputs from."""
    histories = [tensor._keras_history for tensor in tf.nest.flatten(layer.input)]  # no public face
    return tuple((getattr(history, "operation", None) or history.layer).name for history in histories)
