"""Load a PyTorch model, from a program or from the code that makes it."""

from __future__ import annotations

from pathlib import Path

from edgekit_converters.settings import SourceSettings
from edgekit_converters.torch.border import Forward
from edgekit_converters.torch.compressible import CompressibleModel
from edgekit_converters.torch.inputs import find_forward
from edgekit_converters.torch.model import TorchModel
from edgekit_converters.torch.program import load_program
from edgekit_converters.torch.user_module import make_module
from edgekit_converters.torch.weights import check_finite, load_weights


def load_model(settings: SourceSettings) -> TorchModel:
    """Load a source model.

    Args:
        settings: What to load, with which weights, shapes and types.

    Raises:
        ModelError: It cannot be loaded, holds code that would run, or does not run itself.
        RecipeError: Shapes or types are missing, or do not fit.
        DataError: The data with a sample cannot be read.
    """
    exported = settings.format == "torch-export"
    forward = load_program(settings) if exported else _run_code(settings)
    check_finite(forward.module, settings.weights or settings.path)
    return TorchModel(forward, settings.path) if exported else CompressibleModel(forward, settings.path)


def _run_code(settings: SourceSettings) -> Forward:
    module = make_module(settings.path)
    if settings.weights is not None:
        load_weights(module, Path(settings.weights))
    return find_forward(module.eval(), settings)
