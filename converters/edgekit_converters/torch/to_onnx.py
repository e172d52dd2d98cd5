"""Write a module as .onnx, by PyTorch's own exporter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from edgekit_converters.onnx.names import name_borders
from edgekit_converters.source import SourceInfo
from edgekit_converters.torch.border import Border
from edgekit_converters.torch.refusal import cannot_export
from edgekit_runtime.errors import MissingExtraError

OPSET = 20


def export_onnx(border: Border, info: SourceInfo, source: str, path: Path) -> None:
    """Write a module as a float32 `.onnx` file with a static batch of 1.

    Args:
        border: The module.
        info: Names of its inputs and outputs.
        source: Where it came from, for errors.
        path: Where to write.

    Raises:
        MissingExtraError: onnx or onnxscript is not installed.
        ConversionError: PyTorch refuses.
    """
    try:
        import onnxscript as _  # noqa: F401  # torch needs it, and tells so less clearly
    except ImportError as missing:
        raise MissingExtraError(
            "onnxscript is not installed, so no PyTorch model becomes ONNX here.",
            hint="Run: pip install 'edgekit[torch,onnx]'",
        ) from missing
    try:
        program: Any = torch.onnx.export(
            border, kwargs=border.samples(), dynamo=True, opset_version=OPSET, external_data=False, verbose=False
        )
        proto = program.model_proto
    except Exception as error:  # torch raises many kinds; the user gets one line
        raise cannot_export(source, "ONNX", error) from error
    name_borders(proto, [spec.name for spec in info.inputs], [spec.name for spec in info.outputs])
    path.write_bytes(proto.SerializeToString())
