"""Bring a live model of the caller's own process into a file, whichever framework it is of."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from edgekit_converters.keras.live import LIBRARIES as KERAS_LIBRARIES
from edgekit_converters.keras.live import LiveKerasModel, StagedModel, stage_keras
from edgekit_converters.settings import SourceSettings
from edgekit_runtime.errors import RecipeError


class LiveTorchModel(Protocol):
    """A `torch.nn.Module`."""

    @property
    def training(self) -> bool:
        """Whether it is in training mode."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Its weights by name."""
        ...


LiveModel = LiveKerasModel | LiveTorchModel


def stage_live(model: LiveModel, folder: Path, settings: SourceSettings) -> StagedModel:
    """Save a live model so that a session can load it.

    Args:
        model: A model of Keras 3 or tf_keras, or a `torch.nn.Module`.
        folder: Where to write.
        settings: What the caller said of shapes and types, which a module does not tell.

    Raises:
        RecipeError: It is no model of a framework, or it cannot be saved.
        ModelError: A module does not run on inputs of these shapes and types.
        ConversionError: A module cannot be exported.
    """
    roots = {kind.__module__.split(".")[0] for kind in type(model).__mro__}
    library = next((name for name in KERAS_LIBRARIES if name in roots), None)
    if library is not None:
        return stage_keras(model, library, folder)  # type: ignore[arg-type]  # its class comes from that library
    if "torch" in roots and hasattr(model, "state_dict"):
        from edgekit_converters.torch.live import stage_torch

        return StagedModel(stage_torch(model, settings, folder), ())
    raise RecipeError(
        f"the model is a {type(model).__name__}; allowed: a pathlib.Path, or a live model of Keras or PyTorch."
    )
