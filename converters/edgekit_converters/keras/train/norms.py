"""Batch norms of Keras that follow a short training."""

from __future__ import annotations

from typing import Any

import keras

from edgekit_converters.compress.schedule import least_share


def quicken(model: Any, batch: int) -> list[tuple[Any, float]]:
    """Let the running statistics of batch norms take at least `least_share` of each batch.

    Args:
        model: A model of Keras 3.
        batch: Samples in a step.

    Returns:
        The batch norms, each with its momentum before.
    """
    layers = model._flatten_layers(include_self=False)  # no public walk reaches into wrappers
    before = [(layer, layer.momentum) for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    for layer, momentum in before:
        layer.momentum = min(momentum, 1 - least_share(batch))
    return before


def slow_down(before: list[tuple[Any, float]]) -> None:
    """Undo what `quicken` did."""
    for layer, momentum in before:
        layer.momentum = momentum
