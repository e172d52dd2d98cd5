"""What one would write without edgekit.

straight_onnx_quantization.py MODEL.onnx COUNT|DATA.npz OUT.onnx [percentile]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
from blotches import picture
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process


class Samples(CalibrationDataReader):  # type: ignore[misc] # onnxruntime ships no types
    """The samples, one at a time."""

    def __init__(self, samples: Iterator[dict[str, np.ndarray]]) -> None:
        self._samples = samples

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next one, or `None` behind the last."""
        return next(self._samples, None)


def pictures(count: int) -> Iterator[dict[str, np.ndarray]]:
    """So many made-up pictures."""
    return ({"x": picture(number)[None]} for number in range(count))


def rows(model: Path, data: Path) -> Iterator[dict[str, np.ndarray]]:
    """The rows of a file, in the types that the model takes."""
    inputs = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"]).get_inputs()
    dtypes = {"tensor(float)": np.float32, "tensor(int32)": np.int32, "tensor(int64)": np.int64}
    arrays = np.load(data)
    taken = {one.name: arrays[one.name].astype(dtypes[one.type]) for one in inputs}
    count = len(next(iter(taken.values())))
    return ({name: values[number : number + 1] for name, values in taken.items()} for number in range(count))


model, given, output = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
samples = pictures(int(given)) if given.isdigit() else rows(model, Path(given))
prepared = output.with_name("prepared.onnx")
quant_pre_process(str(model), str(prepared), skip_symbolic_shape=not given.isdigit())
method = CalibrationMethod.Percentile if sys.argv[4:] == ["percentile"] else CalibrationMethod.MinMax
quantize_static(str(prepared), str(output), Samples(samples), calibrate_method=method)
