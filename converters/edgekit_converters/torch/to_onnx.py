"""Write a module as .onnx, by PyTorch's own exporter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from edgekit_converters.onnx.names import name_borders
from edgekit_converters.source import SourceInfo
from edgekit_converters.torch.border import Border
from edgekit_converters.torch.lacking import first_lacking, lacking_in_onnx
from edgekit_converters.torch.refusal import cannot_export
from edgekit_runtime.errors import ConversionError, MissingExtraError

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
        # Given a module, the exporter would fall back on tracing, which takes what depends on values for constant.
        captured = torch.export.export(border, (), kwargs=border.samples())
        program: Any = torch.onnx.export(captured, dynamo=True, opset_version=OPSET, external_data=False, verbose=False)
        proto = program.model_proto
    except Exception as error:  # torch raises many kinds; the user gets one line
        lacking = lacking_in_onnx(border) if first_lacking(error) else ()
        raise cannot_export(source, "ONNX", error, lacking) from error
    name_borders(proto, [spec.name for spec in info.inputs], [spec.name for spec in info.outputs])
    _check_sizes(proto, source)
    path.write_bytes(proto.SerializeToString())


def _check_sizes(proto: Any, source: str) -> None:
    """Refuse outputs whose size depends on values: ONNX has them, a bundle does not."""
    for output in proto.graph.output:
        if any(not axis.dim_value and axis.dim_param for axis in output.type.tensor_type.shape.dim):
            raise ConversionError(
                f"{source}: the size of output {output.name} depends on the inputs' values; allowed: fixed sizes.",
                hint="Leave that part out of the module, and run it after.",
            )
