"""edgekit_converters.onnx.quantize: each scheme on small models, by the file that it writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from edgekit_converters.onnx.model import OnnxModel
from edgekit_converters.quantize.session import quantize
from edgekit_converters.quantize.trail import QuantizationTrail
from edgekit_converters.settings import DataSettings, QuantizeSettings, SourceSettings
from edgekit_runtime.errors import ConversionError, DataError, UserError
from edgekit_runtime.onnx import OnnxInterpreter
from edgekit_runtime.progress import silent
from tests.onnx_models import (
    save_attention,
    save_choice,
    save_convolutions,
    save_graph,
    save_recurrent,
    save_two_inputs,
    weights,
)

Made = tuple[QuantizationTrail, OnnxModel, Path]
SAVERS: dict[str, Callable[[Path], Path]] = {
    "convolutions": save_convolutions,
    "attention": save_attention,
    "lstm": lambda path: save_recurrent(path, "LSTM"),
    "gru": lambda path: save_recurrent(path, "GRU"),
    "two-inputs": save_two_inputs,
}


def samples_for(model: OnnxModel, count: int = 24) -> dict[str, np.ndarray]:
    random = np.random.default_rng(5)
    return {
        spec.name: random.integers(0, 40, (count, *spec.sample_shape))
        if spec.dtype == "int64"
        else random.normal(size=(count, *spec.sample_shape)).astype(np.float32)
        for spec in model.info.inputs
    }


def make(folder: Path, path: Path, scheme: str, *, data: bool = True, **settings: object) -> Made:
    model = OnnxModel(SourceSettings(str(path), "onnx"))
    model.export(folder / "float.onnx", "onnx")
    np.savez(folder / "data.npz", **samples_for(model))
    asked = QuantizeSettings(scheme, "float32", "float32", **settings)  # type: ignore[arg-type] # by name, as given
    drawn = DataSettings(str(folder / "data.npz"), None, 0) if data else None
    output = folder / f"{scheme}.onnx"
    return quantize(folder / "float.onnx", output, model.info, asked, drawn, progress=silent), model, output


def sqnr_of(model: OnnxModel, path: Path) -> float:
    samples = samples_for(model)
    expected, interpreter = model.predict(samples), OnnxInterpreter(str(path))
    signal = noise = 0.0
    for k in range(24):
        for i, spec in enumerate(interpreter.inputs):
            value = samples[spec.name][k]
            interpreter.set_input(i, value[None] if spec.batched else value)
        interpreter.invoke()
        for i, spec in enumerate(interpreter.outputs):
            found = interpreter.output(i)[0] if spec.batched else interpreter.output(i)
            signal += float(np.sum(expected[spec.name][k].astype(np.float64) ** 2))
            noise += float(np.sum((expected[spec.name][k].astype(np.float64) - found) ** 2))
    return 10 * np.log10(signal / noise)


def kinds_of(path: Path) -> Counter[str]:
    return Counter(node.op_type for node in onnx.load_model(str(path)).graph.node)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scheme", "lowest"),
    [("float16", 55), ("int8", 20), ("int8-dynamic", 30), ("int8-weight-only", 30), ("int4-weight-only", 8)],
)
@pytest.mark.parametrize("kind", SAVERS)
def test_every_scheme_on_every_kind_of_model(tmp_path: Path, kind: str, scheme: str, lowest: float) -> None:
    if (kind, scheme) == ("two-inputs", "int8-dynamic"):
        lowest = 25  # its products are of few values
    if (kind, scheme) == ("two-inputs", "int4-weight-only"):
        lowest = 5
    trail, model, output = make(tmp_path, SAVERS[kind](tmp_path / "model.onnx"), scheme, activations="uint8")
    onnx.checker.check_model(onnx.load_model(str(output)))
    interpreter = OnnxInterpreter(str(output))
    assert (interpreter.inputs, interpreter.outputs) == (model.info.inputs, model.info.outputs)
    assert sqnr_of(model, output) > lowest
    assert any(tensor.sqnr_db is not None for tensor in trail.tensors)


def test_int8_fuses_whole_and_its_trail_has_ranges_and_scales(tmp_path: Path) -> None:
    trail, _, output = make(tmp_path, save_convolutions(tmp_path / "m.onnx"), "int8", activations="uint8")
    assert trail.fusion is not None
    assert trail.fusion.float_operators == ()
    assert (trail.fusion.conversions, trail.fusion.border_conversions) == (0, 2)
    assert not {"Relu", "Clip"} & kinds_of(output).keys()
    tensors = {tensor.name: tensor for tensor in trail.tensors}
    assert tensors["r2"].operator == "Clip"
    assert tensors["r2"].scale == pytest.approx(tensors["r2"].high / 255)
    assert tensors["r2"].zero_point == 0
    assert all((tensor.sqnr_db or 99) > 20 for tensor in trail.tensors)
    assert "uint8 activations, int8 weights per channel" in trail.method


def test_activations_for_arm_are_signed_and_fuse_there(tmp_path: Path) -> None:
    trail, model, output = make(tmp_path, save_convolutions(tmp_path / "m.onnx"), "int8", activations="int8")
    types = {tensor.data_type for tensor in onnx.load_model(str(output)).graph.initializer}
    assert onnx.TensorProto.UINT8 not in types
    assert trail.fusion is not None
    assert trail.fusion.float_operators == ()
    assert sqnr_of(model, output) > 20


def test_reduced_weights_take_seven_bits(tmp_path: Path) -> None:
    _, _, output = make(
        tmp_path, save_convolutions(tmp_path / "m.onnx"), "int8", activations="uint8", reduced_weights=True
    )
    stored = {
        tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in onnx.load_model(str(output)).graph.initializer
    }
    assert max(np.abs(value).max() for name, value in stored.items() if name.startswith("w")) <= 64


def test_operators_that_stay_float_are_named_with_the_reason(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], "product"),
        helper.make_node("Softplus", ["a"], ["b"], "soft"),
        helper.make_node("MatMul", ["b", "w"], ["y"], "second"),
    ]
    path = save_graph(tmp_path / "m.onnx", nodes, {"x": [1, 16]}, {"y": [1, 16]}, {"w": weights(16, 16)})
    fusion = make(tmp_path, path, "int8", activations="uint8")[0].fusion
    assert fusion is not None
    assert [(one.operator, one.name) for one in fusion.float_operators] == [("Softplus", "soft")]
    assert "no kernel on integers" in fusion.float_operators[0].reason
    assert fusion.conversions == 2


@pytest.mark.parametrize(("mode", "value"), [("constant", 0.0), ("constant", 1.0), ("reflect", 0.0)])
def test_padding_stays_in_integers_where_it_adds_zeros(tmp_path: Path, mode: str, value: float) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"]),
        helper.make_node("Pad", ["a", "pads", "value"], ["b"], mode=mode),
        helper.make_node("Conv", ["b", "v"], ["y"]),
    ]
    constants = {
        "w": weights(4, 4, 1, 1),
        "v": weights(4, 4, 1, 1),
        "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
        "value": np.float32(value),
    }
    path = save_graph(tmp_path / "m.onnx", nodes, {"x": [1, 4, 6, 6]}, {"y": [1, 4, 8, 8]}, constants)
    trail, model, output = make(tmp_path, path, "int8", activations="uint8")
    assert trail.fusion is not None
    assert [one.operator for one in trail.fusion.float_operators] == ["Pad"] * (value != 0)
    assert sqnr_of(model, output) > 25


def test_an_lstm_multiplies_integers_in_int8(tmp_path: Path) -> None:
    path = save_recurrent(tmp_path / "m.onnx", "LSTM", width=64)
    trail, model, output = make(tmp_path, path, "int8", activations="uint8")
    assert kinds_of(output)["DynamicQuantizeLSTM"] == 1
    assert trail.fusion is not None
    assert trail.fusion.float_operators == ()
    assert output.stat().st_size < path.stat().st_size / 2
    assert sqnr_of(model, output) > 30


def test_an_lstm_that_integers_would_slow_down_stays_float_in_int8(tmp_path: Path) -> None:
    path = save_recurrent(tmp_path / "m.onnx", "LSTM")
    trail, model, output = make(tmp_path, path, "int8", activations="uint8")
    assert kinds_of(output)["LSTM"] == 1
    assert kinds_of(output)["DynamicQuantizeLSTM"] == 0
    assert trail.fusion is not None
    assert ["few" in one.reason for one in trail.fusion.float_operators if one.operator == "LSTM"] == [True]
    assert sqnr_of(model, output) > 36


def test_weights_that_the_file_computes_are_left_to_it(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["w"]),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    path = save_graph(tmp_path / "m.onnx", nodes, {"x": [1, 64]}, {"y": [1, 64]}, {"shape": np.array([64, 64])})
    trail, _, output = make(tmp_path, path, "int8-weight-only")
    assert "would grow" in trail.notes[0]
    assert output.stat().st_size < 1000


def test_masks_of_infinity_stay_float_and_are_named(tmp_path: Path) -> None:
    mask = np.triu(np.full((8, 8), -np.inf, np.float32), 1)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], "product"),
        helper.make_node("Add", ["a", "mask"], ["b"], "masked"),
        helper.make_node("Softmax", ["b"], ["c"], "softmax"),
        helper.make_node("MatMul", ["c", "w"], ["y"], "second"),
    ]
    constants = {"w": weights(8, 8), "mask": mask}
    path = save_graph(tmp_path / "m.onnx", nodes, {"x": [8, 8]}, {"y": [8, 8]}, constants)
    trail, model, output = make(tmp_path, path, "int8", activations="uint8")
    assert sqnr_of(model, output) > 25
    assert trail.fusion is not None
    assert any("product" in one.name and "mask" in one.reason for one in trail.fusion.float_operators)


@pytest.mark.parametrize("shape", [(1, 4), (3, 4), (3, 1), (1,), ()])
def test_biases_of_any_shape_are_taken(tmp_path: Path, shape: tuple[int, ...]) -> None:
    nodes = [helper.make_node("Gemm", ["x", "w", "b"], ["y"], "dense", beta=0.5)]
    bias = np.asarray(np.random.default_rng(0).normal(size=shape), np.float32)
    path = save_graph(tmp_path / "m.onnx", nodes, {"x": [3, 8]}, {"y": [3, 4]}, {"w": weights(8, 4), "b": bias})
    _, model, output = make(tmp_path, path, "int8", activations="uint8")
    assert sqnr_of(model, output) > 25


def test_a_percentile_leaves_outliers_out_of_the_scale(tmp_path: Path) -> None:
    path = save_convolutions(tmp_path / "m.onnx")
    scales = {}
    for calibration in ("minmax", "percentile"):
        trail = make(tmp_path, path, "int8", calibration=calibration)[0]
        scales[calibration] = {tensor.name: tensor.scale for tensor in trail.tensors}
    assert scales["percentile"]["r1"] < scales["minmax"]["r1"]
    assert "99.99% of the values" in trail.method


def test_a_gru_keeps_computing_in_float_and_the_trail_says_so(tmp_path: Path) -> None:
    trail, _, output = make(tmp_path, save_recurrent(tmp_path / "m.onnx", "GRU"), "int8-dynamic")
    assert any("computes GRU in float32" in note for note in trail.notes)
    assert kinds_of(output)["GRU"] == 1
    lstm = make(tmp_path, save_recurrent(tmp_path / "m.onnx", "LSTM"), "int8-dynamic")[2]
    assert kinds_of(lstm)["DynamicQuantizeLSTM"] == 1


def test_int4_needs_a_product_with_a_constant(tmp_path: Path) -> None:
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"])]
    path = save_graph(tmp_path / "m.onnx", nodes, {"x": [1, 3, 5, 5]}, {"y": [1, 8, 3, 3]}, {"w": weights(8, 3, 3, 3)})
    with pytest.raises(ConversionError, match="no product with a constant matrix"):
        make(tmp_path, path, "int4-weight-only")


def test_weights_alone_need_no_samples(tmp_path: Path) -> None:
    trail, _, output = make(tmp_path, save_convolutions(tmp_path / "m.onnx"), "int8-weight-only", data=False)
    assert (trail.tensors, trail.compared_samples) == ((), 0)
    assert output.stat().st_size < (tmp_path / "float.onnx").stat().st_size


def test_weights_beyond_float16_stay_and_are_named(tmp_path: Path) -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    path = save_graph(tmp_path / "m.onnx", nodes, {"x": [1, 8]}, {"y": [1, 8]}, {"w": weights(8, 8) * np.float32(1e6)})
    trail, _, _ = make(tmp_path, path, "float16")
    assert trail.notes == ("too large for float16, so float32 still: w",)


def test_samples_that_make_nan_are_refused_with_the_operator(tmp_path: Path) -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["a"]), helper.make_node("Sqrt", ["a"], ["y"], "root")]
    path = save_graph(tmp_path / "m.onnx", nodes, {"x": [1, 8]}, {"y": [1, 8]}, {"w": weights(8, 8)})
    with pytest.raises(DataError, match="Sqrt gives NaN or infinite values in tensor y"):
        make(tmp_path, path, "int8")


# int8: 21 dB, and 10 where a processor adds products in 16 bits, since the exact kernels do not reach into sub-graphs.
@pytest.mark.parametrize(("scheme", "lowest"), [("float16", 55), ("int8", 10), ("int8-weight-only", 30)])
def test_what_a_sub_graph_reads_stays(tmp_path: Path, scheme: str, lowest: float) -> None:
    _, model, output = make(tmp_path, save_choice(tmp_path / "m.onnx"), scheme, activations="uint8")
    assert sqnr_of(model, output) > lowest


def test_a_child_that_passes_its_memory_limit_is_ended(tmp_path: Path) -> None:
    model = OnnxModel(SourceSettings(str(save_convolutions(tmp_path / "m.onnx")), "onnx"))
    model.export(tmp_path / "float.onnx", "onnx")
    settings = QuantizeSettings("int8-weight-only", "float32", "float32")
    with pytest.raises(UserError, match=r"quantizing: .*memory"):
        quantize(
            tmp_path / "float.onnx",
            tmp_path / "out.onnx",
            model.info,
            settings,
            None,
            progress=silent,
            memory_limit_bytes=2**20,
        )
    assert not (tmp_path / "out.onnx").exists()


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    path = save_convolutions(tmp_path / "m.onnx")
    first = make(tmp_path, path, "int8")[2].read_bytes()
    assert make(tmp_path, path, "int8")[2].read_bytes() == first
