"""Which layers of a Keras model train."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras

from edgekit_runtime.errors import RecipeError


def freeze(model: Any, share: float) -> list[tuple[Any, bool]]:
    """Let a share of the layers with weights, from the input on, not train, and all others train.

    Args:
        model: A model of Keras 3.
        share: The share, below 1.

    Returns:
        The layers, each with whether it trained before.

    Raises:
        RecipeError: Nothing is left that could train.
    """
    layers = list(_layers(model))
    before = [(layer, layer.trainable) for layer in layers]
    frozen = int(share * len(layers))
    for place, layer in enumerate(layers):
        layer.trainable = place >= frozen
    if not model.trainable_weights:
        unfreeze(before)
        raise RecipeError(f"{model.name}: it has no weights that could be trained, in {len(layers)} layers.")
    return before


def unfreeze(before: list[tuple[Any, bool]]) -> None:
    """Undo what `freeze` did."""
    for layer, trained in before:
        layer.trainable = trained


def _layers(model: Any) -> Iterator[Any]:
    """Layers with weights, those of nested models one by one."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        elif layer.weights:
            yield layer
