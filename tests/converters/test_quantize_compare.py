"""edgekit_converters.quantize.compare and .trail: what quantization did to each activation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from edgekit_converters.quantize.calibrate import calibrate
from edgekit_converters.quantize.compare import compare_tensors
from edgekit_converters.quantize.engine import quantize_file
from edgekit_converters.quantize.statistics import Range
from edgekit_converters.quantize.trail import BiasTrail, QuantizationTrail, TensorTrail
from edgekit_runtime.affine import restore, store
from edgekit_runtime.codec import dumps_document, loads_document
from edgekit_runtime.litert import LiteRtInterpreter, TensorReader
from edgekit_runtime.progress import silent
from tests.tflite_files import dense_samples, write_dense, write_int8_dense, write_two_by_two

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")


def samples_of(count: int = 4) -> list[tuple[np.ndarray, ...]]:
    return [(sample[None],) for sample in dense_samples(count, seed=3)]


def ranges_of(model: Path) -> Mapping[str, Range]:
    return calibrate(model, ((sample[None],) for sample in dense_samples(64)), 64, silent)


def compared(folder: Path, **options: object) -> dict[str, TensorTrail]:
    float_model, model = write_int8_dense(folder, **options)
    trails = compare_tensors(float_model, model, ranges_of(float_model), samples_of())
    return {trail.name: trail for trail in trails}


def test_each_activation_has_its_range_scale_and_operator(tmp_path):
    trails = compared(tmp_path)
    assert list(trails) == ["x", "hidden", "y"]
    assert [trail.operator for trail in trails.values()] == ["", "FULLY_CONNECTED", "FULLY_CONNECTED"]
    (y,) = LiteRtInterpreter(str(tmp_path / "int8.tflite")).outputs
    assert y.quantization is not None
    assert (trails["y"].scale, trails["y"].zero_point) == (y.quantization.scale[0], y.quantization.zero_point[0])
    ranges = ranges_of(tmp_path / "float.tflite")
    assert all((trail.low, trail.high) == (ranges[name].low, ranges[name].high) for name, trail in trails.items())


def test_noise_is_the_power_of_the_difference(tmp_path):
    trails = compared(tmp_path)
    expected, found = (TensorReader(str(tmp_path / name)) for name in ("float.tflite", "int8.tflite"))
    signal = noise = 0.0
    for (sample,) in samples_of():
        exact = {spec.name: value for spec, value in expected.run((sample,))}["y"]
        for spec, value in found.run((store(sample, found.inputs[0]),)):
            if spec.name == "y":
                signal += float(np.sum(exact.astype(np.float64) ** 2))
                noise += float(np.sum((exact.astype(np.float64) - restore(value, spec)) ** 2))
    assert trails["y"].sqnr_db == pytest.approx(10 * math.log10(signal / noise), abs=0.006)


def test_a_finer_file_has_less_noise(tmp_path):
    model = write_dense(tmp_path / "m.tflite")
    ranges = ranges_of(model)
    found = []
    for factor in (1, 4, 16):
        wide = {name: Range(factor * value.low, factor * value.high) for name, value in ranges.items()}
        quantize_file(model, "int8", tmp_path / "q.tflite", ranges=wide)
        found.append(compare_tensors(model, tmp_path / "q.tflite", ranges, samples_of()))
    for fine, coarse, coarser in zip(*found, strict=True):
        assert fine.sqnr_db is not None
        assert coarse.sqnr_db is not None
        assert coarser.sqnr_db is not None
        assert fine.sqnr_db > coarse.sqnr_db + 6  # two bits less are 12 dB
        assert coarse.sqnr_db > coarser.sqnr_db + 6


def test_a_file_differs_from_itself_in_nothing(tmp_path):
    model = write_dense(tmp_path / "m.tflite")
    for trail in compare_tensors(model, model, ranges_of(model), samples_of()):
        assert (trail.sqnr_db, trail.scale, trail.zero_point) == (None, None, None)
        assert trail.peak_over_rms is not None


def test_a_float_border_leaves_inputs_and_outputs_float(tmp_path):
    trails = compared(tmp_path, float_tensors=("x", "y"))
    assert trails["x"].scale is None
    assert trails["hidden"].scale is not None
    assert trails["hidden"].sqnr_db is not None


def test_peaks_are_told_in_root_mean_squares(tmp_path):
    model = write_dense(tmp_path / "m.tflite")
    sample = np.zeros((1, 8), np.float32)
    sample[0, 0] = 3.0
    (x, *_) = compare_tensors(model, model, calibrate(model, [(sample,)], 1, silent), [(sample,)])
    assert x.peak_over_rms == pytest.approx(math.sqrt(8), abs=0.01)


def test_a_tensor_of_zeros_has_neither_noise_nor_peak(tmp_path):
    model = write_two_by_two(tmp_path / "m.tflite")
    zeros = (np.zeros((1, 4), np.float32), np.zeros((1, 4), np.float32))
    for trail in compare_tensors(model, model, calibrate(model, [zeros], 1, silent), [zeros]):
        assert (trail.sqnr_db, trail.peak_over_rms) == (None, None)


def test_values_whose_squares_leave_float32_have_a_finite_peak(tmp_path):
    model = write_two_by_two(tmp_path / "m.tflite")
    values = (np.full((1, 4), 1e30, np.float32), np.ones((1, 4), np.float32))
    trails = compare_tensors(model, model, calibrate(model, [values], 1, silent), [values])
    assert {trail.name: trail.peak_over_rms for trail in trails}["t_b"] == 1.0


def test_a_tensor_that_the_quantized_file_lacks_keeps_its_range(tmp_path):
    float_model, model = write_int8_dense(tmp_path)
    ranges = {**ranges_of(float_model), "gone": Range(-1.0, 2.0)}
    (*_, gone) = compare_tensors(float_model, model, ranges, samples_of())
    assert gone == TensorTrail("gone", "", -1.0, 2.0, None, None, None, None)


def test_a_trail_survives_its_file(tmp_path):
    bias = BiasTrail(51, 2, None, 40.0, kept=False)
    trail = QuantizationTrail("engine 1.0", "min and max", 64, 4, bias, tuple(compared(tmp_path).values()))
    assert loads_document(QuantizationTrail, dumps_document(trail)) == trail
