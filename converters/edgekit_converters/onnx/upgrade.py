"""Bring old ONNX models to an opset that onnxruntime runs and its quantizer writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx

from edgekit_converters.onnx.walk import STANDARD, opset_of
from edgekit_runtime.errors import ModelError, first_line

MODERN_OPSET = 13  # the first in which scales can differ between channels


def upgrade(path: Path, model: Any) -> Any:
    """Rewrite a model in opset 13.

    Args:
        path: For messages.
        model: A `ModelProto` of a lower opset, without open shapes.

    Raises:
        ModelError: onnx cannot, or left a part out.
    """
    known = opset_of(model)
    try:
        upgraded = onnx.version_converter.convert_version(model, MODERN_OPSET)
    except Exception as error:  # onnx's C++ kinds
        raise ModelError(
            f"{path}: it is in opset {known}, and onnx cannot rewrite it in {MODERN_OPSET}: {first_line(error)}",
            hint=f"Export it again with opset_version={MODERN_OPSET} or higher.",
        ) from error
    for entry in model.opset_import:
        if entry.domain not in STANDARD and entry.domain not in {other.domain for other in upgraded.opset_import}:
            upgraded.opset_import.add().CopyFrom(entry)
    return upgraded
