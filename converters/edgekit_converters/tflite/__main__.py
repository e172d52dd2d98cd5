"""The `.tflite` session's child process."""

from __future__ import annotations

from edgekit_converters.framework import serve_framework
from edgekit_converters.model import Model
from edgekit_converters.settings import SourceSettings


def load(settings: SourceSettings) -> Model:
    """Open a file with LiteRT."""
    from edgekit_converters.tflite.model import TfliteModel

    return TfliteModel(settings)


serve_framework(load)
