"""edgekit_converters.quantize.calibrate: the ranges of a float file's activations, as a plain interpreter has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edgekit_converters.quantize.calibrate import calibrate
from edgekit_converters.quantize.engine import quantize_file
from edgekit_converters.quantize.statistics import Range
from edgekit_runtime.errors import DataError, ModelError
from edgekit_runtime.progress import silent
from tests.tflite_files import (
    dense_samples,
    write_dense,
    write_int8_dense,
    write_log,
    write_recurrent,
    write_two_by_two,
)


def plain_ranges(model: Path, samples: list[np.ndarray]) -> dict[str, tuple[float, float]]:
    """Minimum and maximum of every tensor that a plain interpreter holds after each run."""
    interpreter = Interpreter(
        str(model),
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
    )
    interpreter.allocate_tensors()
    seen: dict[str, list[np.ndarray]] = {}
    for sample in samples:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], sample)
        interpreter.invoke()
        for detail in interpreter.get_tensor_details():
            if detail["name"]:
                seen.setdefault(detail["name"], []).append(interpreter.get_tensor(detail["index"]))
    return {name: (float(np.min(values)), float(np.max(values))) for name, values in seen.items()}


def ranges_of(model: Path, *samples: np.ndarray) -> dict[str, Range]:
    return dict(calibrate(model, ((sample,) for sample in samples), len(samples), silent))


def test_ranges_are_those_of_a_plain_interpreter(tmp_path):
    model = write_dense(tmp_path / "m.tflite")
    samples = [sample[None] for sample in dense_samples(20)]
    expected = plain_ranges(model, samples)
    found = ranges_of(model, *samples)
    assert set(found) == {"x", "hidden", "y"}
    for name, value in found.items():
        assert (value.low, value.high) == pytest.approx(expected[name], rel=1e-5)


def test_ranges_of_a_real_model_are_those_of_a_plain_interpreter(assets):
    model = assets / "mlperf-tiny/pretrainedResnet.tflite"
    with np.load(assets / "data/cifar10_test_0000-0499.npz") as data:
        pictures = data[data.files[0]][:3].astype(np.float32)
    samples = [picture[None] for picture in pictures]
    expected = plain_ranges(model, samples)
    found = ranges_of(model, *samples)
    assert len(found) == 17  # the input, and one for each of 16 operators: no weight among them
    for name, value in found.items():
        assert (value.low, value.high) == pytest.approx(expected[name], rel=1e-4, abs=1e-4)


def test_the_order_of_the_samples_does_not_matter_to_a_recurrent_model(tmp_path):
    model = write_recurrent(tmp_path / "m.tflite")
    small, large = np.full((1, 3, 2), 1.0, np.float32), np.full((1, 3, 2), 100.0, np.float32)
    assert ranges_of(model, small, large) == ranges_of(model, large, small)
    assert ranges_of(model, small, large)["y"] == Range(1.0, 175.0)


def test_several_inputs_go_in_the_files_order(tmp_path):
    model = write_two_by_two(tmp_path / "m.tflite")
    b, a = np.full((1, 4), 2, np.float32), np.full((1, 4), 5, np.float32)
    found = calibrate(model, [(b, a)], 1, silent)
    assert found["t_b"] == Range(2, 2)
    assert found["t_a"] == Range(5, 5)
    assert found["t_difference"] == Range(3, 3)


def test_progress_is_told_after_each_sample(tmp_path):
    told = []
    samples = ((sample[None],) for sample in dense_samples(3))
    calibrate(write_dense(tmp_path / "m.tflite"), samples, 3, lambda *step: told.append(step))
    assert told == [("calibrating", 1, 3), ("calibrating", 2, 3), ("calibrating", 3, 3)]


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("value", [-1, 0])
def test_an_activation_that_is_no_number_is_named_with_its_operator(tmp_path, place, value):
    samples = [np.ones((1, 4), np.float32) for _ in range(3)]
    samples[place][0, 2] = value
    with pytest.raises(DataError, match="calibration: LOG gives NaN or infinite values in tensor y"):
        ranges_of(write_log(tmp_path / "m.tflite"), *samples)


def test_an_input_that_is_no_number_is_named(tmp_path):
    with pytest.raises(DataError, match="calibration: the input gives NaN or infinite values in tensor x"):
        ranges_of(write_dense(tmp_path / "m.tflite"), np.full((1, 8), np.nan, np.float32))


def test_a_sample_of_another_shape_is_refused(tmp_path):
    with pytest.raises(ModelError, match="LiteRT cannot run it"):
        ranges_of(write_dense(tmp_path / "m.tflite"), np.zeros((1, 7), np.float32))


def details_of(model: Path) -> dict[str, dict[str, np.ndarray]]:
    interpreter = Interpreter(str(model))
    return {detail["name"]: detail["quantization_parameters"] for detail in interpreter.get_tensor_details()}


def test_a_quantized_file_keeps_one_scale_per_channel_for_weights_and_one_for_each_activation(tmp_path):
    float_model, model = write_int8_dense(tmp_path)
    weights = Interpreter(str(float_model))
    details = {detail["name"]: detail["index"] for detail in weights.get_tensor_details()}
    weights.allocate_tensors()
    parameters = details_of(model)
    for name, channels in (("first_weights", 6), ("second_weights", 3)):
        rows = weights.get_tensor(details[name])
        assert len(parameters[name]["scales"]) == channels
        assert parameters[name]["scales"] == pytest.approx(np.abs(rows).max(axis=1) / 127, rel=1e-5)
        assert not parameters[name]["zero_points"].any()
    ranges = ranges_of(float_model, *(sample[None] for sample in dense_samples(64)))
    for name in ("x", "hidden", "y"):
        (scale,), (zero_point,) = parameters[name]["scales"], parameters[name]["zero_points"]
        low, high = min(0.0, ranges[name].low), max(0.0, ranges[name].high)
        assert scale == pytest.approx((high - low) / 255, rel=1e-2)
        assert (-128 - zero_point) * scale == pytest.approx(low, abs=float(scale))


@pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")
def test_wider_ranges_give_coarser_scales(tmp_path):
    model = write_dense(tmp_path / "m.tflite")
    ranges = ranges_of(model, *(sample[None] for sample in dense_samples(8)))
    wide = {name: Range(2 * value.low, 2 * value.high) for name, value in ranges.items()}
    scales = []
    for given in (ranges, wide):
        quantize_file(model, "int8", tmp_path / "q.tflite", ranges=given)
        scales.append(details_of(tmp_path / "q.tflite")["hidden"]["scales"][0])
    assert scales[1] == pytest.approx(2 * scales[0], rel=1e-3)
