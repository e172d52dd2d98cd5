"""What one would write without edgekit.

straight_onnx_quantization.py MODEL.onnx COUNT OUT.onnx [percentile]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from blotches import picture
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process


class Pictures(CalibrationDataReader):  # type: ignore[misc] # onnxruntime ships no types
    """The samples, one at a time."""

    def __init__(self, count: int) -> None:
        self._numbers = iter(range(count))

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next one, or `None` behind the last."""
        number = next(self._numbers, None)
        return None if number is None else {"x": picture(number)[None]}


model, count, output = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
prepared = output.with_name("prepared.onnx")
quant_pre_process(str(model), str(prepared))
method = CalibrationMethod.Percentile if sys.argv[4:] == ["percentile"] else CalibrationMethod.MinMax
quantize_static(str(prepared), str(output), Pictures(count), calibrate_method=method)
