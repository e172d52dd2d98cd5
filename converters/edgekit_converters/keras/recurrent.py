"""Rebuild recurrent layers without their loop, which TFLite's quantizers cannot follow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from edgekit_converters.keras.layers import call
from edgekit_runtime.errors import ConversionError, first_line

MAX_DIFFERENCE = 1e-5  # of the original's largest output, or of 1 where that is smaller
SAMPLES = 2
WHY = "edgekit writes a recurrent layer as one step after the other, because its loop cannot be quantized"


def unroll(model: Any, library: Any, path: Path) -> Any:
    """Rebuild a model so that every recurrent layer is unrolled over its time steps.

    Layers without recurrence are shared with the original; the others get copies of its weights.

    Args:
        model: A model of Keras 3 or tf_keras.
        library: That library.
        path: Where the model came from, for errors.

    Returns:
        The rebuilt model, or `model` itself where nothing is to be unrolled.

    Raises:
        ConversionError: It has a recurrent layer that cannot be unrolled, or the rebuilt model gives other outputs.
    """
    looped = _looped(model, library)
    if not looped:
        return model
    _check(looped, model, library, path)
    try:
        rebuilt = _rebuild(model, library)
    except Exception as error:  # Keras raises many kinds; the user gets one line
        raise _refusal(path, looped[0], f"Keras cannot rebuild the model: {first_line(error)}") from error
    left = _looped(rebuilt, library)
    if left:
        raise _refusal(path, left[0], "it lies inside a layer or model of your own", "Give that layer unroll=True.")
    difference = _difference(model, rebuilt)
    if not difference <= MAX_DIFFERENCE:
        raise _refusal(path, looped[0], f"unrolled, the model's outputs differ by {difference:.1g} of their range")
    return rebuilt


def _looped(model: Any, library: Any) -> list[Any]:
    layers = model._flatten_layers(include_self=False)  # no public walk reaches into wrappers
    return [layer for layer in layers if isinstance(layer, library.layers.RNN) and not layer.unroll]


def _check(looped: list[Any], model: Any, library: Any, path: Path) -> None:
    for layer in looped:
        if layer.stateful:
            raise _refusal(
                path,
                layer,
                "it is stateful, so its answer depends on the samples before it",
                "Save it with stateful=False.",
            )
    if any(None in tuple(tensor.shape)[1:] for tensor in model.inputs):
        raise _refusal(
            path,
            looped[0],
            "the number of its time steps is free",
            f"Rebuild the model with a fixed one, such as {library.__name__}.Input((50, 13)), and load the weights.",
        )


def _rebuild(model: Any, library: Any) -> Any:
    pairs: list[tuple[Any, Any]] = []

    def renewed(layer: Any) -> Any:
        config = layer.get_config()
        unrolled = _unrolled(config)
        if unrolled == config:
            return layer
        pairs.append((layer, type(layer).from_config(unrolled)))
        return pairs[-1][1]

    rebuilt = library.models.clone_model(model, clone_function=renewed)
    for old, new in pairs:
        new.set_weights(old.get_weights())
    return rebuilt


def _unrolled(tree: Any) -> Any:
    """A configuration with every recurrent layer in it unrolled."""
    if isinstance(tree, Mapping):
        tree = {key: _unrolled(value) for key, value in tree.items()}
        return tree | {"unroll": True} if "unroll" in tree else tree
    if isinstance(tree, list | tuple):
        return type(tree)(_unrolled(item) for item in tree)
    return tree


def _difference(model: Any, rebuilt: Any) -> float:
    """The largest difference between outputs on random inputs, as a share of the original's largest."""
    random = np.random.default_rng(0)
    values = [_random(tensor, random) for tensor in tf.nest.flatten(model.inputs)]
    pairs = zip(call(model, values), call(rebuilt, values), strict=True)
    return max(_share(np.asarray(old), np.asarray(new)) for old, new in pairs)


def _share(old: np.ndarray, new: np.ndarray) -> float:
    return float(np.abs(old - new).max() / max(1.0, float(np.abs(old).max())))


def _random(tensor: Any, random: np.random.Generator) -> np.ndarray:
    shape = (SAMPLES, *tuple(tensor.shape)[1:])
    dtype = tf.as_dtype(tensor.dtype).as_numpy_dtype
    if np.issubdtype(dtype, np.floating):
        return random.normal(size=shape).astype(dtype)
    return random.integers(0, 2, shape).astype(dtype)  # valid as an index, too


def _refusal(path: Path, layer: Any, reason: str, hint: str = "") -> ConversionError:
    return ConversionError(
        f"{path}: layer {layer.name!r} is recurrent and cannot be unrolled: {reason}. {WHY}.", hint=hint
    )
