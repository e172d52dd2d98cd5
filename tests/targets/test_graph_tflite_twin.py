"""edgekit_targets.graph.tflite_twin: what a conversion would give, written without one."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit_runtime.errors import ModelError
from edgekit_targets.catalog import load_profile
from edgekit_targets.check import check_graph
from edgekit_targets.estimate.subject import subject_of
from edgekit_targets.graph.graph import Graph
from edgekit_targets.graph.read import read_graph
from edgekit_targets.graph.tflite import read_tflite
from edgekit_targets.graph.tflite_twin import QUANTIZABLE, NoTwin, write_twin
from tests.tflite_files import (
    Operator,
    Tensor,
    constant,
    dense_parameters,
    free_batch,
    write_dense,
    write_free_batch,
    write_int8_dense,
    write_log,
    write_quantized_dense,
    write_recurrent,
    write_tflite,
)

PAIRS = {
    "mlperf-tiny/pretrainedResnet.tflite": "mlperf-tiny/pretrainedResnet_quant.tflite",
    "mlperf-tiny/vww_96_float.tflite": "mlperf-tiny/vww_96_int8.tflite",
    "mlperf-tiny/kws_ref_model_float32.tflite": "mlperf-tiny/kws_ref_model.tflite",
}
"""From float models of MLPerf Tiny to what its authors made of them in int8."""
NOT_ALONE = {"INPUT", "OUTPUT", "STABLEHLO_COMPOSITE", "CONV_2D_TRANSPOSE", "SQRT"}
"""Entries of the quantizer's list that are no operators of the format, or that LiteRT has no int8 kernel for."""


def twin_of(source: Path, folder: Path, *, integer: bool = True, fixed: bool = False) -> Graph:
    return write_twin(source, read_tflite(source), folder / "twin.tflite", integer=integer, fixed=fixed)


@pytest.mark.parametrize("name", PAIRS)
def test_a_twin_of_a_float_model_is_what_its_authors_made_of_it(name: str, assets: Path, tmp_path: Path) -> None:
    twin, real = twin_of(assets / name, tmp_path).main, read_graph(assets / PAIRS[name]).main
    assert [operator.name for operator in twin.operators] == [operator.name for operator in real.operators]
    for ours, theirs in zip(twin.operators, real.operators, strict=True):
        for mine, other in zip(twin.tensors_of(ours.inputs), real.tensors_of(theirs.inputs), strict=True):
            assert (mine.dtype, mine.shape) == (other.dtype, other.shape)


@pytest.mark.parametrize("name", PAIRS)
def test_its_weights_pack_as_those_of_the_real_one(name: str, assets: Path, tmp_path: Path) -> None:
    sizes = []
    for graph in (twin_of(assets / name, tmp_path), read_graph(assets / PAIRS[name])):
        subject = subject_of(graph, 1)
        sizes.append(sum(subject.encoded_bytes(load) for load in subject.loads))
    assert sizes[0] == pytest.approx(sizes[1], rel=0.1)


@pytest.mark.parametrize("target", ["ethos-u55-256", "coral-edgetpu-usb"])
@pytest.mark.parametrize("name", PAIRS)
def test_accelerators_take_of_a_twin_what_they_take_of_the_real_one(
    name: str, target: str, assets: Path, tmp_path: Path
) -> None:
    profile = load_profile(target).profile
    if profile.npu is not None and profile.npu.compiler is not None:
        pytest.importorskip("ethosu")
    twin = twin_of(assets / name, tmp_path, fixed=True)
    real = write_twin(
        assets / PAIRS[name], read_graph(assets / PAIRS[name]), tmp_path / "real.tflite", integer=False, fixed=True
    )
    ours = check_graph(twin, tmp_path / "twin.tflite", "twin", profile)
    theirs = check_graph(real, tmp_path / "real.tflite", "real", profile)
    assert ours.placement is not None
    assert theirs.placement is not None
    assert ours.fits
    assert ours.placement.left == theirs.placement.left == ()
    assert ours.placement.macs.value == theirs.placement.macs.value


def test_an_open_batch_becomes_one_of_1(tmp_path: Path) -> None:
    source = write_free_batch(tmp_path / "free.tflite")
    assert any(tensor.free_axes for tensor in read_tflite(source).main.tensors)
    twin = twin_of(source, tmp_path, integer=False, fixed=True)
    assert not any(tensor.free_axes for tensor in twin.main.tensors)
    assert {tensor.dtype for tensor in twin.main.tensors} == {"float32"}


def test_conversions_of_constants_are_folded_away(tmp_path: Path) -> None:
    source, half = write_quantized_dense(tmp_path, "float16")
    assert "DEQUANTIZE" in [operator.name for operator in read_tflite(half).main.operators]
    twin, other = twin_of(half, tmp_path).main, twin_of(source, tmp_path).main
    assert [operator.name for operator in twin.operators] == ["FULLY_CONNECTED", "FULLY_CONNECTED"]
    types = [[t.dtype for t in graph.tensors_of(graph.operators[0].inputs)] for graph in (twin, other)]
    assert types[0] == types[1] == ["int8", "int8", "int32"]


def test_a_twin_keeps_none_of_the_floats(tmp_path: Path) -> None:
    source = write_dense(tmp_path / "dense.tflite", width=2000)
    twin_of(source, tmp_path)
    assert (tmp_path / "twin.tflite").stat().st_size < 0.6 * source.stat().st_size


@given(seed=st.integers(0, 2**32 - 1), exponent=st.floats(-3, 6), width=st.integers(1, 9))
def test_weights_are_rounded_to_the_nearest_step(
    seed: int, exponent: float, width: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("twin")
    gain = 10.0**exponent
    twin = twin_of(write_dense(folder / "dense.tflite", seed=seed, gain=gain, width=width), folder).main
    first = dense_parameters(seed=seed, gain=gain, width=width)[0]
    weights = twin.tensors[1]
    assert weights.data is not None
    assert weights.quantization is not None
    steps = np.frombuffer(weights.data, np.int8).reshape(weights.shape)
    scale = np.array(weights.quantization.scale)[:, None]
    assert len(scale) in (1, width)
    assert np.all(np.abs(steps * scale - first) <= scale * 0.5001)


@pytest.mark.parametrize("write", [write_log, write_recurrent])
def test_what_quantizing_may_leave_in_float_has_no_twin(write, tmp_path: Path) -> None:
    with pytest.raises(NoTwin, match="may leave"):
        twin_of(write(tmp_path / "model.tflite"), tmp_path)


def test_a_model_without_floats_has_no_twin_in_integers(tmp_path: Path) -> None:
    with pytest.raises(NoTwin, match="another quantization"):
        twin_of(write_int8_dense(tmp_path)[1], tmp_path)


def test_a_reshape_that_contradicts_the_batch_of_1_has_no_twin(tmp_path: Path) -> None:
    tensors = [Tensor("x", (1, 4)), constant("shape", np.array([2, 4], np.int32)), Tensor("y", (2, 4))]
    operators = [Operator("RESHAPE", ("x", "shape"), ("y",))]
    source = free_batch(write_tflite(tmp_path / "odd.tflite", tensors, operators, {"x": "x"}, {"y": "y"}))
    with pytest.raises(NoTwin, match="lengths that you give"):
        twin_of(source, tmp_path, fixed=True)


def test_every_odd_file_has_a_twin_that_can_be_read_or_a_reason(assets: Path, tmp_path: Path) -> None:
    made = 0
    for path in sorted((assets / "tricky/tflite").iterdir()):
        try:
            graph = read_graph(path)
        except ModelError:
            continue
        try:
            twin = write_twin(path, graph, tmp_path / "twin.tflite", integer=True, fixed=True)
        except NoTwin:
            continue
        made += 1
        assert not any(tensor.dtype in ("float32", "float16") for tensor in twin.main.tensors if tensor.data is None)
    assert made > 10


@settings(max_examples=300)
@given(data=st.data())
def test_a_damaged_file_has_a_twin_or_a_reason(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    source = write_dense(folder / "dense.tflite")
    content = bytearray(source.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(8, len(content) - 1))] = data.draw(st.integers(0, 255))
    source.write_bytes(content)
    try:
        graph = read_tflite(source)
    except ModelError:
        return
    with contextlib.suppress(NoTwin):
        write_twin(source, graph, folder / "twin.tflite", integer=True, fixed=True)


def test_all_that_the_quantizer_takes_is_known_here() -> None:
    policy = pytest.importorskip("ai_edge_quantizer.default_policy")
    taken = set(json.loads(policy.DEFAULT_JSON_POLICY)["ops_per_config"]["static_wi8_ai8"])
    assert taken - NOT_ALONE <= QUANTIZABLE
