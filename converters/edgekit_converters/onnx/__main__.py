"""The `.onnx` session's child process."""

from __future__ import annotations

from edgekit_converters.framework import serve_framework
from edgekit_converters.model import Model
from edgekit_converters.settings import SourceSettings


def load(settings: SourceSettings) -> Model:
    """Open a file with onnxruntime."""
    from edgekit_converters.onnx.model import OnnxModel

    return OnnxModel(settings)


serve_framework(load)
