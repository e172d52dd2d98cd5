"""The `.onnx` session's child process."""

from __future__ import annotations

from edgekit_converters.framework import serve_framework
from edgekit_converters.model import Model
from edgekit_converters.settings import SourceSettings
from edgekit_runtime.errors import MissingExtraError


def load(settings: SourceSettings) -> Model:
    """Open a file with onnxruntime.

    Raises:
        MissingExtraError: onnx or onnxruntime is not installed.
    """
    try:
        from edgekit_converters.onnx.model import OnnxModel
    except ModuleNotFoundError as missing:
        raise MissingExtraError(
            f"{missing.name} is not installed, so no .onnx file can be converted here.",
            hint="Run: pip install 'edgekit[onnx]'",
        ) from missing
    return OnnxModel(settings)


serve_framework(load)
