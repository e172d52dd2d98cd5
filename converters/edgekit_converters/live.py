"""Bring a live model of the caller's own process into a file, whichever framework it is of."""

from __future__ import annotations

from pathlib import Path

from edgekit_converters.keras.live import LIBRARIES as KERAS_LIBRARIES
from edgekit_converters.keras.live import LiveKerasModel, StagedModel, stage_keras
from edgekit_runtime.errors import RecipeError

LiveModel = LiveKerasModel


def stage_live(model: LiveModel, folder: Path) -> StagedModel:
    """Save a live model so that a session can load it.

    Args:
        model: A model of Keras 3 or tf_keras.
        folder: Where to write.

    Raises:
        RecipeError: It is no model of a framework, or it cannot be saved.
    """
    roots = {kind.__module__.split(".")[0] for kind in type(model).__mro__}
    library = next((name for name in KERAS_LIBRARIES if name in roots), None)
    if library is not None:
        return stage_keras(model, library, folder)
    raise RecipeError(f"the model is a {type(model).__name__}; allowed: a pathlib.Path, or a live model of Keras.")
