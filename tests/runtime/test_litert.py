"""edgekit_runtime.litert: `.tflite` files under LiteRT, and its errors as edgekit's."""

from __future__ import annotations

import copy

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edgekit_converters.quantize.engine import quantize_file
from edgekit_runtime.affine import restore, store
from edgekit_runtime.errors import ModelError
from edgekit_runtime.litert import LiteRtInterpreter, TensorReader
from edgekit_runtime.tensor import Quantization, TensorSpec
from tests.tflite_files import (
    dense_samples,
    write_dense,
    write_gather,
    write_half_read,
    write_int8_dense,
    write_log,
    write_recurrent,
    write_two_by_two,
)


def run(model: LiteRtInterpreter, *values: np.ndarray) -> list[np.ndarray]:
    for index, value in enumerate(values):
        model.set_input(index, value)
    model.invoke()
    return [model.output(index) for index in range(len(model.outputs))]


def test_inputs_and_outputs_are_told_with_shape_and_type(tmp_path):
    model = LiteRtInterpreter(str(write_dense(tmp_path / "m.tflite")))
    assert model.inputs == (TensorSpec("x", (1, 8), "float32"),)
    assert model.outputs == (TensorSpec("y", (1, 3), "float32"),)


def test_a_quantized_tensor_tells_its_scale_and_zero_point(tmp_path):
    model = LiteRtInterpreter(str(write_int8_dense(tmp_path)[1]))
    (spec,) = model.inputs
    assert spec.dtype == "int8"
    assert isinstance(spec.quantization, Quantization)
    assert spec.quantization.axis is None
    assert len(spec.quantization.scale) == len(spec.quantization.zero_point) == 1


def test_the_signature_names_the_tensors_in_any_order(tmp_path):
    model = LiteRtInterpreter(str(write_two_by_two(tmp_path / "m.tflite")))
    assert [spec.name for spec in model.inputs] == ["t_b", "t_a"]
    assert model.signature() == ({"a": "t_a", "b": "t_b"}, {"sum": "t_sum", "difference": "t_difference"})


def test_a_file_without_signature_calls_its_tensors_by_their_own_names(tmp_path):
    model = LiteRtInterpreter(str(write_dense(tmp_path / "m.tflite", signature=False)))
    assert model.signature() == ({"x": "x"}, {"y": "y"})


def test_a_file_with_several_signatures_is_refused_where_one_is_needed(tmp_path):
    path = write_dense(tmp_path / "m.tflite")
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes()))
    other = copy.copy(model.signatureDefs[0])
    other.signatureKey = b"train"
    model.signatureDefs.append(other)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    with pytest.raises(ModelError, match=r"m\.tflite: it has 2 signatures; allowed: one"):
        LiteRtInterpreter(str(path)).signature()


def test_it_computes(tmp_path):
    model = LiteRtInterpreter(str(write_two_by_two(tmp_path / "m.tflite")))
    b, a = np.array([[1, 2, 3, 4]], np.float32), np.array([[2, 2, 2, 5]], np.float32)
    difference, total = run(model, b, a)
    assert difference.tolist() == [[1, 0, -1, 1]]
    assert total.tolist() == [[3, 4, 5, 9]]


def test_an_output_is_a_copy_that_the_next_run_leaves_alone(tmp_path):
    model = LiteRtInterpreter(str(write_dense(tmp_path / "m.tflite")))
    samples = dense_samples(2)
    (first,) = run(model, samples[:1])
    kept = first.copy()
    run(model, samples[1:])
    assert np.array_equal(first, kept)


def test_the_library_and_its_kernels_are_named(tmp_path):
    dense = LiteRtInterpreter(str(write_dense(tmp_path / "m.tflite")))
    assert dense.library.startswith("ai-edge-litert 2.")
    assert dense.kernels == "xnnpack"
    assert LiteRtInterpreter(str(write_gather(tmp_path / "g.tflite"))).kernels == "builtin"


@pytest.mark.parametrize(
    "value",
    [np.zeros((1, 7), np.float32), np.zeros((2, 8), np.float32), np.zeros(8, np.float32), np.zeros((1, 8), np.int8)],
)
def test_an_input_of_another_shape_or_type_is_refused(tmp_path, value):
    model = LiteRtInterpreter(str(write_dense(tmp_path / "m.tflite")))
    with pytest.raises(ModelError, match=r"m\.tflite: input x: Cannot set tensor"):
        model.set_input(0, value)


def test_an_operator_that_fails_is_one_error(tmp_path):
    model = LiteRtInterpreter(str(write_gather(tmp_path / "m.tflite")))
    assert run(model, np.array([3], np.int32))[0].tolist() == [3]
    with pytest.raises(ModelError, match=r"m\.tflite: LiteRT cannot run it: gather index out of bounds"):
        run(model, np.array([4], np.int32))


@pytest.mark.parametrize("opener", [LiteRtInterpreter, TensorReader])
@pytest.mark.parametrize("content", [b"", b"text", b"\0\0\0\0TFL3" + bytes(64)])
def test_what_is_no_model_is_refused(tmp_path, opener, content):
    path = tmp_path / "m.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"m\.tflite: LiteRT refuses it"):
        opener(str(path))


@pytest.mark.parametrize("opener", [LiteRtInterpreter, TensorReader])
def test_half_a_model_is_refused(tmp_path, opener):
    path = write_dense(tmp_path / "m.tflite")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ModelError, match=r"m\.tflite: LiteRT refuses it"):
        opener(str(path))


def test_a_recurrent_model_answers_each_sample_as_if_it_were_the_first(tmp_path):
    path = str(write_recurrent(tmp_path / "m.tflite"))
    ones = np.ones((1, 3, 2), np.float32)
    model, reader = LiteRtInterpreter(path), TensorReader(path)
    for _ in range(3):
        assert run(model, ones)[0][0, :, 0].tolist() == [1, 1.5, 1.75]
        assert dict(named(reader, ones))["y"][0, :, 0].tolist() == [1, 1.5, 1.75]


def test_a_real_recurrent_model_answers_alike_each_time(assets):
    model = LiteRtInterpreter(str(assets / "tflite-micro/trained_lstm.tflite"))
    value = np.random.default_rng(0).random(model.inputs[0].shape).astype(np.float32)
    assert np.array_equal(run(model, value)[0], run(model, value)[0])


def test_a_real_int8_file_answers_like_its_float_one(assets):
    with np.load(assets / "data/cifar10_test_0000-0499.npz") as data:
        pictures = data[data.files[0]][:16]
    answers = []
    for name in ("pretrainedResnet.tflite", "pretrainedResnet_quant.tflite"):
        model = LiteRtInterpreter(str(assets / "mlperf-tiny" / name))
        scores = [restore(run(model, store(p[None], model.inputs[0]))[0], model.outputs[0]) for p in pictures]
        answers.append(np.concatenate(scores).argmax(axis=1))
    assert np.mean(answers[0] == answers[1]) >= 0.9


def named(reader: TensorReader, *values: np.ndarray) -> list[tuple[str, np.ndarray]]:
    return [(spec.name, value) for spec, value in reader.run(values)]


def test_the_reader_gives_inputs_and_every_activation_but_no_constant(tmp_path):
    path = write_dense(tmp_path / "m.tflite")
    reader = TensorReader(str(path))
    assert [spec.name for spec in reader.activations] == ["x", "hidden", "y"]
    assert reader.operators == {"hidden": "FULLY_CONNECTED", "y": "FULLY_CONNECTED"}
    sample = dense_samples(1)
    found = dict(named(reader, sample))
    assert np.array_equal(found["x"], sample)
    assert np.all(found["hidden"] >= 0)
    assert np.allclose(found["y"], run(LiteRtInterpreter(str(path)), sample)[0], atol=1e-5)


def test_the_reader_keeps_what_later_operators_would_write_over(assets):
    path = str(assets / "mlperf-tiny/pretrainedResnet.tflite")
    reader = TensorReader(path)
    value = np.random.default_rng(0).uniform(0, 255, reader.inputs[0].shape).astype(np.float32)
    found = dict(named(reader, value))
    assert len(found) == 17  # the input, and one for each of 16 operators
    assert np.array_equal(found["input_1"], value)
    residual = [name for name, kind in reader.operators.items() if kind == "ADD"]
    assert len(residual) == 3
    for name in residual:  # the sum of two earlier tensors, through ReLU
        others = [value for other, value in found.items() if other != name and value.shape == found[name].shape]
        sums = (np.maximum(a + b, 0) for i, a in enumerate(others) for b in others[:i])
        assert any(np.allclose(found[name], total, atol=1e-3) for total in sums)


def builtin_tensors(path: str, values: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Every tensor by LiteRT's builtin kernels, which hide none."""
    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(path, experimental_op_resolver_type=resolver, experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), values, strict=True):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return {d["name"]: interpreter.get_tensor(d["index"]) for d in interpreter.get_tensor_details() if d["name"]}


@pytest.mark.parametrize(
    "name",
    [
        "mlperf-tiny/pretrainedResnet.tflite",
        "mlperf-tiny/vww_96_float.tflite",
        "tflite-micro/trained_lstm.tflite",
        "tflite-support/mobilenet_v1_0.25_224_1_default_1.tflite",
        "tricky/tflite/litert__test__testdata__rope.tflite",
        "tricky/tflite/litert__test__testdata__topo_sort_fork_split.tflite",
    ],
)
def test_every_tensor_of_the_reader_is_that_of_the_builtin_kernels(assets, name):
    path = str(assets / name)
    reader = TensorReader(path)
    random = np.random.default_rng(0)
    values = [random.random(spec.shape).astype(spec.dtype) for spec in reader.inputs]
    expected = builtin_tensors(path, values)
    found = named(reader, *values)
    assert len(found) > len(values)
    for tensor, value in found:
        assert np.abs(value - expected[tensor]).max() <= 1e-4 * np.abs(expected[tensor]).max(), tensor


@pytest.mark.parametrize("name", ["pretrainedResnet_quant.tflite", "vww_96_int8.tflite", "kws_ref_model.tflite"])
def test_the_reader_takes_the_kernels_of_the_interpreter_to_the_bit(assets, name):
    path = str(assets / "mlperf-tiny" / name)
    reader, model = TensorReader(path), LiteRtInterpreter(path)
    assert model.kernels == "xnnpack"
    value = np.random.default_rng(0).integers(-128, 128, reader.inputs[0].shape).astype(np.int8)
    assert np.array_equal(dict(named(reader, value))[model.outputs[0].name], run(model, value)[0])


def test_the_reader_gives_what_a_delegate_would_leave_out(tmp_path):
    reader = TensorReader(str(write_half_read(tmp_path / "m.tflite")))
    for number in range(3):
        x = np.arange(4, dtype=np.float32)[None] + number
        found = dict(named(reader, x))
        assert found["right"].tolist() == x[:, 2:].tolist()
        assert found["y"].tolist() == (2 * x[:, :2]).tolist()


def test_the_reader_gives_weights_that_the_file_restores(tmp_path):
    quantize_file(write_dense(tmp_path / "float.tflite"), "float16", tmp_path / "half.tflite")
    path, sample = str(tmp_path / "half.tflite"), dense_samples(1)
    reader = TensorReader(path)
    expected, found = builtin_tensors(path, [sample]), dict(named(reader, sample))
    restored = [name for name, kind in reader.operators.items() if kind == "DEQUANTIZE"]
    assert restored
    for name in restored:
        assert np.array_equal(found[name], expected[name])


def test_the_reader_gives_only_what_is_asked_for(tmp_path):
    path = str(write_dense(tmp_path / "m.tflite"))
    sample = dense_samples(1)
    ((name, value),) = named(TensorReader(path, {"hidden", "nothing of it"}), sample)
    assert name == "hidden"
    assert np.array_equal(value, dict(named(TensorReader(path), sample))["hidden"])
    assert named(TensorReader(path, ()), sample) == []


def test_the_reader_refuses_a_value_that_does_not_fit(tmp_path):
    reader = TensorReader(str(write_log(tmp_path / "m.tflite")))
    with pytest.raises(ModelError, match=r"m\.tflite: LiteRT cannot run it"):
        named(reader, np.zeros((1, 5), np.float32))


def test_the_reader_refuses_a_tensor_that_is_no_array_of_numbers(assets):
    path = assets / "tricky/tflite/tflite__testdata__dynamic_shapes.bin"
    reader = TensorReader(str(path))
    values = tuple(np.zeros(spec.shape, spec.dtype) for spec in reader.inputs)
    with pytest.raises(ModelError, match=r"dynamic_shapes\.bin: tensor .* cannot be read"):
        named(reader, *values)


def test_an_output_that_has_no_size_is_the_models_error(assets):
    model = LiteRtInterpreter(str(assets / "tricky/tflite/tflite__converter__quantization__lite__testdata__where.bin"))
    model.set_input(0, np.zeros((1, 4), bool))  # it lists where the input is true: nowhere
    model.invoke()
    with pytest.raises(ModelError, match=r"output .* cannot be read"):
        model.output(0)
