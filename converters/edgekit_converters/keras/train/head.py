"""A new head for a Keras model."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from edgekit_converters.keras.train.forms import producer
from edgekit_runtime.errors import RecipeError, first_line

# What may lie between the head and the output: it keeps the number of channels, and has no weights.
PASSING = (
    keras.layers.Activation,
    keras.layers.Softmax,
    keras.layers.ReLU,
    keras.layers.Dropout,
    keras.layers.Flatten,
    keras.layers.GlobalAveragePooling1D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalMaxPooling1D,
    keras.layers.GlobalMaxPooling2D,
)
SIZES = {keras.layers.Dense: "units", keras.layers.Conv1D: "filters", keras.layers.Conv2D: "filters"}


def replace_head(model: Any, classes: int, seed: int, source: str) -> Any:
    """Replace the last dense layer or convolution by one of another size, with its activation and new weights.

    Args:
        model: A model of Keras 3.
        classes: How many outputs it gives.
        seed: Seed of its weights.
        source: Where the model came from, for errors.

    Returns:
        A model that shares all other layers.

    Raises:
        RecipeError: There is no such layer behind the only output, or the model cannot be rebuilt around another.
    """
    if classes < 1:
        raise RecipeError(f"{classes} classes: allowed: at least 1.")
    head = _find(model, source)
    size = next(size for kind, size in SIZES.items() if type(head) is kind)
    keras.utils.set_random_seed(seed)

    def renewed(layer: Any) -> Any:
        if layer is not head:
            return layer
        return type(layer).from_config(layer.get_config() | {size: classes})

    try:
        return keras.models.clone_model(model, clone_function=renewed)
    except Exception as error:  # Keras raises many kinds; the user gets one line
        raise RecipeError(
            f"{source}: what follows its head {head.name!r} does not take {classes} classes: {first_line(error)}"
        ) from error


def _find(model: Any, source: str) -> Any:
    outputs = tf.nest.flatten(model.outputs)
    if len(outputs) != 1:
        names = ", ".join(model.output_names)
        raise RecipeError(f"{source}: it has {len(outputs)} outputs ({names}); a head is replaced where there is one.")
    tensor = outputs[0]
    while type(layer := producer(tensor)) not in SIZES:
        if not isinstance(layer, PASSING) or isinstance(layer.input, list):
            raise RecipeError(
                f"{source}: its output comes from {type(layer).__name__} {layer.name!r}; a head that can be replaced "
                "is a dense layer or a convolution."
            )
        tensor = layer.input
    return layer
