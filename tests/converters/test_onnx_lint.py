"""edgekit_converters.onnx.quantize.lint: what onnxruntime makes of files that others quantized."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

from edgekit_converters.onnx.quantize.lint import find_fusion
from tests.onnx_models import save_convolutions


class Samples(CalibrationDataReader):  # type: ignore[misc] # onnxruntime ships no types
    def __init__(self) -> None:
        values = np.random.default_rng(0).normal(size=(8, 1, 3, 12, 12)).astype(np.float32)
        self._values = iter([{"x": value} for value in values])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._values, None)


@pytest.fixture
def quantized(tmp_path: Path) -> Path:
    """As onnxruntime's own quantizer writes it, with unsigned activations."""
    path = save_convolutions(tmp_path / "float.onnx")
    quantize_static(path, tmp_path / "own.onnx", Samples(), activation_type=QuantType.QUInt8)
    return tmp_path / "own.onnx"


def test_a_file_that_fuses_has_conversions_at_its_borders_alone(quantized: Path) -> None:
    fusion = find_fusion(quantized, {})
    assert fusion.float_operators == ()
    assert (fusion.conversions, fusion.border_conversions) == (0, 2)
    assert fusion.integer_operators >= 6  # onnxruntime adds its own to change layouts


def test_an_operator_whose_conversion_was_taken_out_is_named(quantized: Path) -> None:
    model = onnx.load_model(str(quantized))
    (sum_node,) = [node for node in model.graph.node if node.op_type == "Add"]
    writers = {node.output[0]: node for node in model.graph.node}
    dequantize = writers[sum_node.input[0]]
    sum_node.input[0] = writers[dequantize.input[0]].input[0]  # the real numbers instead
    onnx.save_model(model, str(quantized))
    fusion = find_fusion(quantized, {})
    named = {one.name: one for one in fusion.float_operators}
    assert named["sum"].operator == "Add"
    assert "did not fuse" in named["sum"].reason
    assert fusion.conversions > 0


def test_an_operator_that_was_kept_float_on_purpose_says_why(quantized: Path) -> None:
    test_an_operator_whose_conversion_was_taken_out_is_named(quantized)
    fusion = find_fusion(quantized, {"sum": "a mask has no scale"})
    assert [one.reason for one in fusion.float_operators if one.name == "sum"] == ["a mask has no scale"]
