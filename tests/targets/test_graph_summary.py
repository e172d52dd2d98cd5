"""edgekit_targets.graph.summary: known models come out with their known numbers."""

from __future__ import annotations

import pytest

from edgekit_targets.graph.graph import Graph, Operator, Subgraph, Tensor
from edgekit_targets.graph.summary import GraphSummary, summarize
from edgekit_targets.graph.tflite import read_tflite
from tests.tflite_files import write_dense, write_int8_dense


def summary_of(*operators: Operator, tensors: tuple[Tensor, ...], others: tuple[Subgraph, ...] = ()) -> GraphSummary:
    main = Subgraph("main", tensors, (0,), (len(tensors) - 1,), operators)
    return summarize(Graph("tflite", (main, *others)))


def values(*names: str) -> tuple[Tensor, ...]:
    return tuple(Tensor(name, (1, 4), "float32") for name in names)


@pytest.mark.parametrize(
    ("name", "macs", "parameters"),
    [
        ("pretrainedResnet.tflite", 12_501_632, 77_706),
        ("pretrainedResnet_quant.tflite", 12_501_632, 77_706),
        ("vww_96_float.tflite", 7_489_664, 210_850),
        ("vww_96_int8.tflite", 7_489_664, 210_850),
        ("ad01_int8.tflite", 264_192, 265_864),
        ("kws_ref_model.tflite", 2_656_768, 22_604),
    ],
)
def test_models_of_mlperf_tiny_have_their_published_macs(assets, name, macs, parameters):
    summary = summarize(read_tflite(assets / "mlperf-tiny" / name))
    assert summary.macs.value == macs
    assert summary.not_counted == ()
    assert summary.parameters.value == parameters


def test_resnet8_peaks_where_its_shortcut_is_open(assets):
    peak = summarize(read_tflite(assets / "mlperf-tiny/pretrainedResnet_quant.tflite")).peak
    assert (peak.size.value, peak.size.mode) == (3 * 32 * 32 * 16, "predicted")
    assert (peak.operator, peak.place, len(peak.alive)) == ("CONV_2D", 2, 3)


def test_a_dense_model_is_summed_up(tmp_path):
    summary = summarize(read_tflite(write_dense(tmp_path / "m.tflite")))
    assert summary.macs.value == 8 * 6 + 6 * 3
    assert summary.parameters.value == 8 * 6 + 6 + 6 * 3 + 3
    assert [(row.dtype, row.values, row.size_bytes) for row in summary.constants] == [("float32", 75, 300)]
    (row,) = summary.operators
    assert (row.name, row.count, row.custom, row.layout, row.macs.value) == ("FULLY_CONNECTED", 2, False, False, 66)
    assert summary.peak.size.value == 4 * (8 + 6)
    assert [tensor.name for tensor in summary.peak.alive] == ["x", "hidden"]
    assert (summary.layout_operators.value, summary.dynamic_tensors, summary.graphs) == (0, 0, 1)


def test_borders_have_the_names_of_the_signature(tmp_path):
    summary = summarize(read_tflite(write_dense(tmp_path / "m.tflite")))
    assert [spec.name for spec in (*summary.inputs, *summary.outputs)] == ["features", "scores"]
    plain = summarize(read_tflite(write_dense(tmp_path / "m.tflite", signature=False)))
    assert [spec.name for spec in (*plain.inputs, *plain.outputs)] == ["x", "y"]


def dense_part(*sizes: int, calls: tuple[Operator, ...] = ()) -> Subgraph:
    """A graph of `(1, 4)` whose dense layers take 4 * size MACs each."""
    tensors, operators = [Tensor("x", (1, 4), "float32"), Tensor("flag", (), "bool")], list(calls)
    for size in sizes:
        weights = Tensor(f"w{len(tensors)}", (size, 4), "float32", data=memoryview(bytes(16 * size)), storage=size)
        tensors += [weights, Tensor(f"y{len(tensors)}", (1, size), "float32")]
        operators.append(Operator("FULLY_CONNECTED", (0, len(tensors) - 2), (len(tensors) - 1,)))
    return Subgraph("part", tuple(tensors), (0,), (0,), tuple(operators))


@pytest.mark.parametrize(
    ("operator", "least"),
    [
        (Operator("IF", (1,), (0,), calls=(1, 2)), 8 + 4 * 3),  # the cheaper of 3 and 5 channels
        (Operator("WHILE", (0,), (0,), calls=(1, 2)), 8 + 4 * 3),  # its condition once, its body perhaps never
        (Operator("Loop", (0,), (0,), calls=(2,)), 8),
        (Operator("STABLEHLO_COMPOSITE", (0,), (0,), calls=(2,)), 8 + 4 * 5),
        (Operator("IF", (1,), (0,), calls=(0, 1)), 8),  # damaged: it runs itself
    ],
)
def test_the_least_macs_are_of_the_cheaper_branch_and_of_loops_that_end_at_once(operator, least):
    parts = (dense_part(2, calls=(operator,)), dense_part(3), dense_part(5))
    summary = summarize(Graph("tflite", parts))
    assert summary.macs.value == least
    assert summary.not_counted == (operator.name,)
    assert "of branches the cheapest is run, and a loop never" in summary.macs.method


def test_quantized_integers_are_parameters_and_shapes_are_not(tmp_path):
    assert summarize(read_tflite(write_int8_dense(tmp_path)[1])).parameters.value == 75
    shape = Tensor("shape", (2,), "int32", data=memoryview(bytes(8)), storage=1)
    x, y = values("x", "y")
    summary = summary_of(Operator("RESHAPE", (0, 1), (2,)), tensors=(x, shape, y))
    assert summary.parameters.value == 0
    assert [(row.dtype, row.size_bytes) for row in summary.constants] == [("int32", 8)]


def test_shared_constants_count_once():
    x, y, z = values("x", "y", "z")
    first, second = (Tensor(name, (1, 4), "float32", data=memoryview(bytes(16)), storage=7) for name in "ab")
    summary = summary_of(Operator("ADD", (0, 1), (3,)), Operator("ADD", (3, 2), (4,)), tensors=(x, first, second, y, z))
    assert summary.parameters.value == 4


def test_layout_operators_have_their_share_of_operators_and_bytes():
    x, y, z = values("x", "y", "z")
    summary = summary_of(Operator("TRANSPOSE", (0,), (1,)), Operator("ADD", (1, 1), (2,)), tensors=(x, y, z))
    assert [row.name for row in summary.operators if row.layout] == ["TRANSPOSE"]
    assert summary.layout_operators.value == 1 / 2
    assert summary.layout_bytes.value == 32 / (32 + 48)


def test_what_is_not_known_is_named_and_the_rest_still_counted():
    x, y = values("x", "y")
    weights = Tensor("w", (4, 4), "float32", data=memoryview(bytes(64)), storage=1)
    body = Subgraph("body", (x, weights, y), (0,), (2,), (Operator("FULLY_CONNECTED", (0, 1), (2,)),))
    operators = Operator("WHILE", (0,), (1,), calls=(1,)), Operator("Detect", (0,), (1,), custom=True)
    summary = summary_of(*operators, tensors=(x, y), others=(body,))
    assert (summary.macs.value, summary.not_counted, summary.graphs) == (16, ("Detect", "WHILE"), 2)
    rows = {row.name: row for row in summary.operators}
    assert rows["Detect"].custom
    assert not rows["Detect"].macs.available
    assert rows["FULLY_CONNECTED"].macs.value == 16


def test_sizes_that_are_not_known_leave_no_number():
    text, y = Tensor("text", (1,), "string"), Tensor("y", (1,), "float32")
    summary = summary_of(Operator("HASHTABLE_LOOKUP", (0,), (1,)), tensors=(text, y))
    assert "HASHTABLE_LOOKUP" in summary.layout_bytes.reason
    assert "text" in summary.peak.size.reason


def test_dynamic_tensors_are_counted():
    free, y = Tensor("x", (1, 4), "float32", free_axes=(0,)), Tensor("y", (-1, 4), "float32")
    summary = summary_of(Operator("RELU", (0,), (1,)), tensors=(free, y))
    assert summary.dynamic_tensors == 2
    assert summary.inputs[0].shape == (-1, 4)


def test_a_graph_without_operators_has_no_shares():
    summary = summary_of(tensors=values("x"))
    assert not summary.layout_operators.available
    assert summary.peak.place is None
