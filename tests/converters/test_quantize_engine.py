"""edgekit_converters.quantize.engine: what each scheme stores, and which inputs and outputs stay float."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from edgekit_converters.binding import open_exported
from edgekit_converters.quantize.calibrate import calibrate
from edgekit_converters.quantize.engine import ENGINE_RECIPES, find_biases, quantize_file
from edgekit_converters.settings import SCHEMES, quantizing
from edgekit_converters.source import SourceInfo
from edgekit_runtime.affine import restore, store
from edgekit_runtime.errors import ConversionError
from edgekit_runtime.litert import LiteRtInterpreter
from edgekit_runtime.progress import silent
from edgekit_runtime.tensor import TensorSpec
from tests.tflite_files import (
    Operator,
    Tensor,
    constant,
    dense_samples,
    write_dense,
    write_quantized_dense,
    write_tflite,
    write_two_by_two,
)

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors")

QUANTIZED = tuple(ENGINE_RECIPES)
WIDTH = 96


def write_stack(path: Path, width: int = WIDTH) -> Path:
    """Three dense layers `x (1, width) -> first -> second -> y`, whose second is an output as well."""
    random = np.random.default_rng(0)
    tensors, operators = [Tensor("x", (1, width))], []
    for source, target in (("x", "first"), ("first", "second"), ("second", "y")):
        weights = (random.normal(size=(width, width)) / math.sqrt(width)).astype(np.float32)
        bias = constant(f"{target}_bias", random.normal(size=width).astype(np.float32))
        tensors += [constant(f"{target}_weights", weights), bias, Tensor(target, (1, width))]
        operators.append(Operator("FULLY_CONNECTED", (source, f"{target}_weights", f"{target}_bias"), (target,)))
    return write_tflite(path, tensors, operators, {"x": "x"}, {"y": "y", "inner": "second"})


def stack_samples(count: int, width: int = WIDTH) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(count, 1, width)).astype(np.float32)


def quantize(model: Path, scheme: str, *samples: tuple[np.ndarray, ...], float_tensors: tuple[str, ...] = ()) -> Path:
    output = model.with_name(f"{scheme}.tflite")
    ranges = calibrate(model, samples, len(samples), silent) if SCHEMES[scheme].calibrated else None
    quantize_file(model, scheme, output, ranges=ranges, float_tensors=float_tensors)
    return output


def stack_in(folder: Path, scheme: str) -> tuple[Path, Path]:
    model = write_stack(folder / "float.tflite")
    return model, quantize(model, scheme, *((sample,) for sample in stack_samples(16)))


def run(model: Path, sample: tuple[np.ndarray, ...]) -> list[np.ndarray]:
    """The outputs as real numbers, for real inputs in the file's order."""
    interpreter = LiteRtInterpreter(str(model))
    for place, spec in enumerate(interpreter.inputs):
        interpreter.set_input(place, store(sample[place], spec))
    interpreter.invoke()
    return [restore(interpreter.output(place), spec) for place, spec in enumerate(interpreter.outputs)]


def sqnr_db(model: Path, other: Path) -> float:
    pairs = [(run(model, (sample,))[0], run(other, (sample,))[0]) for sample in stack_samples(8)]
    noise = sum(float(np.sum((found - expected) ** 2)) for expected, found in pairs)
    return 10 * math.log10(sum(float(np.sum(expected**2)) for expected, _ in pairs) / noise)


def test_every_scheme_but_float32_has_a_recipe():
    assert set(QUANTIZED) == set(quantizing("tflite"))


@pytest.mark.parametrize("scheme", QUANTIZED)
def test_float16_halves_the_file_and_int8_quarters_it(tmp_path, scheme):
    model, output = stack_in(tmp_path, scheme)
    ratio = output.stat().st_size / model.stat().st_size
    assert (0.5 < ratio < 0.55) if scheme == "float16" else (0.25 < ratio < 0.36)


@pytest.mark.parametrize(
    ("scheme", "least_db"),
    [("float16", 60), ("int8-weight-only", 38), ("int16x8", 38), ("int8-dynamic", 34), ("int8", 30)],
)
def test_a_scheme_keeps_the_float_files_outputs(tmp_path, scheme, least_db):
    assert sqnr_db(*stack_in(tmp_path, scheme)) > least_db


def test_finer_schemes_lie_nearer_to_the_float_file(tmp_path):
    noise = {scheme: sqnr_db(*stack_in(tmp_path, scheme)) for scheme in QUANTIZED}
    assert noise["float16"] > noise["int8-weight-only"] > noise["int8-dynamic"] > noise["int8"]
    assert noise["int16x8"] > noise["int8"]


@pytest.mark.parametrize("scheme", QUANTIZED)
def test_inputs_and_outputs_have_the_schemes_first_type(tmp_path, scheme):
    interpreter = LiteRtInterpreter(str(write_quantized_dense(tmp_path, scheme)[1]))
    assert {spec.dtype for spec in (*interpreter.inputs, *interpreter.outputs)} == {SCHEMES[scheme].border_types[0]}


@pytest.mark.parametrize("scheme", QUANTIZED)
def test_weights_are_stored_as_the_scheme_says_with_a_scale_for_each_channel(tmp_path, scheme):
    details = Interpreter(str(stack_in(tmp_path, scheme)[1])).get_tensor_details()
    (weights,) = [detail for detail in details if detail["name"] == "first_weights"]
    assert np.dtype(weights["dtype"]).name == ("float16" if scheme == "float16" else "int8")
    assert len(weights["quantization_parameters"]["scales"]) == (0 if scheme == "float16" else WIDTH)


def test_int16_activations_have_their_zero_in_the_middle(tmp_path):
    details = Interpreter(str(stack_in(tmp_path, "int16x8")[1])).get_tensor_details()
    activations = [detail for detail in details if detail["name"] in {"x", "first", "second", "y"}]
    assert len(activations) == 4
    for detail in activations:
        assert detail["dtype"] == np.int16
        assert list(detail["quantization_parameters"]["zero_points"]) == [0]


@pytest.mark.parametrize("scheme", QUANTIZED)
def test_the_same_input_gives_the_same_bytes(tmp_path, scheme):
    once = stack_in(tmp_path, scheme)[1].read_bytes()
    assert stack_in(tmp_path, scheme)[1].read_bytes() == once


BORDERS = ("t_a", "t_b", "t_sum", "t_difference")


@pytest.mark.parametrize("scheme", ["int8", "int16x8"])
@pytest.mark.parametrize("kept", [c for n in range(5) for c in itertools.combinations(BORDERS, n)])
def test_any_inputs_and_outputs_can_stay_float_each_for_itself(tmp_path, scheme, kept):
    model = write_two_by_two(tmp_path / "m.tflite")
    samples = [(values[None, :4], values[None, 4:]) for values in dense_samples(32)]
    output = quantize(model, scheme, *samples, float_tensors=kept)
    spec = [TensorSpec(name, (-1, 4), "float32") for name in ("a", "b", "sum", "difference")]
    interpreter, border = open_exported(output, SourceInfo(tuple(spec[:2]), tuple(spec[2:]), 0, ()))
    for binding in (*border.inputs, *border.outputs):
        stays = f"t_{binding.source.name}" in kept
        assert binding.stored.dtype == ("float32" if stays else SCHEMES[scheme].border_types[0])
    assert len(interpreter.inputs) == len(interpreter.outputs) == 2
    for expected, found in zip(run(model, samples[0]), run(output, samples[0]), strict=True):
        np.testing.assert_allclose(found, expected, atol=0.05)


@pytest.mark.parametrize("kept", [("second",), ("y",), ("second", "y"), ()])
def test_an_output_that_feeds_another_operator_can_stay_float(tmp_path, kept):
    model = write_stack(tmp_path / "m.tflite")
    samples = [(sample,) for sample in stack_samples(16)]
    output = quantize(model, "int8", *samples, float_tensors=kept)
    info = SourceInfo(
        (TensorSpec("x", (-1, WIDTH), "float32"),),
        (TensorSpec("y", (-1, WIDTH), "float32"), TensorSpec("inner", (-1, WIDTH), "float32")),
        0,
        (),
    )
    y, inner = open_exported(output, info)[1].outputs
    assert (y.stored.dtype, inner.stored.dtype) == (
        "float32" if "y" in kept else "int8",
        "float32" if "second" in kept else "int8",
    )
    for expected, found in zip(run(model, samples[0]), run(output, samples[0]), strict=True):
        assert float(np.mean((found - expected) ** 2)) < 0.01 * float(np.mean(expected**2))


@pytest.mark.parametrize("scheme", QUANTIZED)
def test_a_large_file_whose_weights_lie_behind_the_rest_is_quantized_with_a_float_border(tmp_path, scheme):
    width = 400
    model = write_stack(tmp_path / "m.tflite", width)
    samples = [(sample,) for sample in stack_samples(4, width)]
    output = quantize(model, scheme, *samples, float_tensors=("x", "y", "second"))
    assert len(find_biases(bytearray(output.read_bytes()))) == 3
    for expected, found in zip(run(model, samples[0]), run(output, samples[0]), strict=True):
        assert float(np.mean((found - expected) ** 2)) < 0.01 * float(np.mean(expected**2))


def test_a_calibrated_scheme_without_ranges_is_refused_in_one_line(tmp_path):
    model = write_dense(tmp_path / "m.tflite")
    with pytest.raises(ConversionError, match=r"^quantization: ai-edge-quantizer refuses: .*--quantize int8-dynamic"):
        quantize_file(model, "int8", tmp_path / "q.tflite")
    assert not (tmp_path / "q.tflite").exists()


def test_what_is_no_model_is_refused_in_one_line(tmp_path):
    (tmp_path / "m.tflite").write_bytes(b"\x1c\x00\x00\x00TFL3" + bytes(100))
    with pytest.raises(ConversionError, match="ai-edge-quantizer fails on this file"):
        quantize_file(tmp_path / "m.tflite", "int8-dynamic", tmp_path / "q.tflite")


@pytest.mark.parametrize("scheme", QUANTIZED)
def test_biases_are_found_in_the_order_operators_run_and_shifting_one_moves_its_output(tmp_path, scheme):
    _, output = stack_in(tmp_path, scheme)
    before = run(output, (stack_samples(1)[0],))[0][0]
    content = bytearray(output.read_bytes())
    biases = find_biases(content)
    assert [bias.output for bias in biases] == ["first", "second", "y"]
    amount = np.zeros(WIDTH)
    amount[5] = 0.5
    biases[2].shift(amount)
    output.write_bytes(content)
    moved = run(output, (stack_samples(1)[0],))[0][0] - before
    assert moved[5] == pytest.approx(0.5, abs=0.05)
    assert not np.delete(moved, 5).any()


def test_a_bias_that_two_operators_share_is_left_alone(tmp_path):
    model = write_dense(tmp_path / "m.tflite")
    weights, bias = np.eye(4, dtype=np.float32), np.ones(4, np.float32)
    tensors = [constant("w", weights), constant("v", 2 * weights), constant("shared", bias), constant("own", 2 * bias)]
    tensors += [Tensor(name, (1, 4)) for name in ("x", "p", "q", "r")]
    operators = [
        Operator("FULLY_CONNECTED", ("x", "w", "shared"), ("p",)),
        Operator("FULLY_CONNECTED", ("p", "v", "shared"), ("q",)),
        Operator("FULLY_CONNECTED", ("q", "w", "own"), ("r",)),
    ]
    model = write_tflite(tmp_path / "shared.tflite", tensors, operators, {"x": "x"}, {"r": "r"})
    assert [bias.output for bias in find_biases(bytearray(model.read_bytes()))] == ["r"]


def test_a_shift_that_a_bias_cannot_hold_is_not_made(tmp_path):
    content = bytearray(write_quantized_dense(tmp_path, "int8")[1].read_bytes())
    bias = find_biases(content)[0]
    before = bias.stored.copy()
    bias.shift(np.array([1e12, 0.0, 0.1, np.nan, -1e12, 0.0]))
    assert list(bias.stored != before) == [False, False, True, False, False, False]


def test_weights_too_small_to_gain_stay_float_without_calibration(tmp_path):
    for width, quantized in ((6, False), (400, True)):
        model = write_dense(tmp_path / "float.tflite", width=width)
        quantize_file(model, "int8-dynamic", tmp_path / "q.tflite")
        assert ((tmp_path / "q.tflite").stat().st_size < 0.8 * model.stat().st_size) == quantized


def test_a_file_whose_empty_buffer_is_written_out_is_quantized(tmp_path: Path, assets: Path) -> None:
    output = tmp_path / "float16.tflite"
    quantize_file(assets / "tricky/tflite/tflite__java__src__testdata__float32.bin", "float16", output)
    LiteRtInterpreter(str(output)).invoke()


def test_a_file_with_resource_variables_is_quantized(tmp_path: Path, assets: Path) -> None:
    name = "tflite__converter__quantization__lite__testdata__resource_vars_calibrated.bin"
    quantize_file(assets / "tricky/tflite" / name, "float16", tmp_path / "float16.tflite")
    LiteRtInterpreter(str(tmp_path / "float16.tflite")).invoke()
