"""The PyTorch session's child process."""

from __future__ import annotations

from edgekit_converters.framework import serve_framework
from edgekit_converters.model import Model
from edgekit_converters.settings import SourceSettings
from edgekit_converters.torch.collector import without_collector
from edgekit_runtime.errors import MissingExtraError


def load(settings: SourceSettings) -> Model:
    """Open a program, or run the code that makes a module."""
    with without_collector():
        try:
            import torch as _  # noqa: F401  # told apart here from what the user's own code lacks
        except ImportError as missing:
            raise MissingExtraError(
                "PyTorch is not installed, so no PyTorch model is converted here.",
                hint="Run: pip install 'edgekit[torch]'",
            ) from missing
        from edgekit_converters.torch.load import load_model

        return load_model(settings)


serve_framework(load)
