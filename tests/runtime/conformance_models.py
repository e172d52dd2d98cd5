"""The models that `conformance.py` checks interpreters with, the same ones in each format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

from edgekit_converters.source import SourceInfo
from edgekit_runtime.tensor import TensorSpec
from tests.bundle_files import DENSE, write_bundle
from tests.onnx_models import save_graph
from tests.tflite_files import (
    dense_parameters,
    dense_samples,
    write_dense,
    write_free_batch,
    write_gather,
    write_int8_dense,
    write_recurrent,
    write_two_by_two,
)

SAMPLES = 16
# An .onnx file calls its inputs and outputs by their tensors' names.
TENSORS = SourceInfo((TensorSpec("x", (-1, 8), "float32"),), (TensorSpec("y", (-1, 3), "float32"),), 75, ())


def write_models(model_format: str, folder: Path) -> Path:
    """Write all of them, and what the dense one must give."""
    x = dense_samples(SAMPLES)
    first, first_bias, second, second_bias = dense_parameters()
    hidden = np.maximum(x @ first.T + first_bias, 0)
    np.savez(folder / "dense.npz", x=x, y=hidden @ second.T + second_bias)
    quantized = {"tflite": _write_tflite, "onnx": _write_onnx}[model_format](folder)
    dense = folder / f"dense.{model_format}"
    content = dense.read_bytes()
    (folder / f"garbage.{model_format}").write_bytes(b"\0\0\0\0TFL3" + bytes(64))
    (folder / f"half.{model_format}").write_bytes(content[: len(content) // 2])
    info = DENSE if model_format == "tflite" else TENSORS
    golden = {info.inputs[0].name: dense_samples(4, seed=7)}
    write_bundle(folder / "float-bundle", dense, info, "float32", golden)
    write_bundle(folder / "quantized-bundle", quantized, info, "int8", golden)
    return folder


def _write_tflite(folder: Path) -> Path:
    write_dense(folder / "dense.tflite")
    write_two_by_two(folder / "two.tflite")
    write_gather(folder / "gather.tflite")
    write_free_batch(folder / "batch.tflite")
    write_recurrent(folder / "recurrent.tflite")
    return write_int8_dense(folder)[1]


def _write_onnx(folder: Path) -> Path:
    dense = _dense_onnx(folder / "dense.onnx", 1)
    _dense_onnx(folder / "batch.onnx", "batch")
    sums = [
        helper.make_node("Sub", ["t_a", "t_b"], ["t_difference"]),
        helper.make_node("Add", ["t_a", "t_b"], ["t_sum"]),
    ]
    four = (1, 4)
    save_graph(folder / "two.onnx", sums, {"t_b": four, "t_a": four}, {"t_difference": four, "t_sum": four})
    table = {"table": np.arange(4, dtype=np.float32)}
    gather, types = helper.make_node("Gather", ["table", "index"], ["row"]), {"index": TensorProto.INT32}
    save_graph(folder / "gather.onnx", [gather], {"index": (1,)}, {"row": (1,)}, table, dtypes=types)
    rnn = [
        helper.make_node("Transpose", ["x"], ["steps"], perm=[1, 0, 2]),
        helper.make_node("RNN", ["steps", "w", "r"], ["y"], hidden_size=2, activations=["Relu"]),
    ]
    matrices = {"w": np.eye(2, dtype=np.float32)[None], "r": np.eye(2, dtype=np.float32)[None] / 2}
    save_graph(folder / "recurrent.onnx", rnn, {"x": (1, 3, 2)}, {"y": (3, 1, 1, 2)}, matrices)
    quantize_static(dense, folder / "int8.onnx", _Samples(), QuantFormat.QDQ, per_channel=True)
    return folder / "int8.onnx"


def _dense_onnx(path: Path, batch: int | str) -> Path:
    names = "first", "first_bias", "second", "second_bias"
    nodes = [
        helper.make_node("Gemm", ["x", "first", "first_bias"], ["sums"], transB=1),
        helper.make_node("Relu", ["sums"], ["hidden"]),
        helper.make_node("Gemm", ["hidden", "second", "second_bias"], ["y"], transB=1),
    ]
    constants = dict(zip(names, dense_parameters(), strict=True))
    return save_graph(path, nodes, {"x": (batch, 8)}, {"y": (batch, 3)}, constants)


class _Samples(CalibrationDataReader):
    def __init__(self) -> None:
        self._samples = iter(dense_samples(64))

    def get_next(self) -> dict[str, np.ndarray] | None:
        sample = next(self._samples, None)
        return None if sample is None else {"x": sample[None]}
