from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_runtime.arena import arena_bytes
from edgekit_runtime.litert import tensor_places
from edgekit_targets.catalog import load_profile
from edgekit_targets.estimate.memory import estimate_memory
from edgekit_targets.estimate.subject import subject_of
from edgekit_targets.graph.graph import Operator, Subgraph, Tensor
from edgekit_targets.graph.liveness import peak_activations
from edgekit_targets.graph.plan import ALIGNMENT_BYTES, Block, plan_memory
from edgekit_targets.graph.tflite import read_tflite

WITHIN = 0.10


def floats(name: str, *shape: int) -> Tensor:
    return Tensor(name, shape, "float32")


@st.composite
def graphs(draw: st.DrawFn, kinds: tuple[str, ...] = ("ADD", "MUL", "SUB", "RESHAPE", "CONCATENATION")) -> Subgraph:
    """Each operator reads one or two of the tensors before it, and writes a new one of any size."""
    count = draw(st.integers(1, 12))
    sizes = draw(st.lists(st.integers(0, 400), min_size=count + 1, max_size=count + 1))
    tensors = tuple(floats(str(place), size) for place, size in enumerate(sizes))
    operators = []
    for step in range(count):
        inputs = draw(st.lists(st.integers(0, step), min_size=1, max_size=2))
        operators.append(Operator(draw(st.sampled_from(kinds)), tuple(inputs), (step + 1,)))
    return Subgraph("", tensors, (0,), (count,), tuple(operators))


def pairs_alive_together(blocks: tuple[Block, ...]) -> Iterator[tuple[Block, Block]]:
    for i, one in enumerate(blocks):
        for other in blocks[i + 1 :]:
            if one.first <= other.last and other.first <= one.last:
                yield one, other


@given(graphs())
def test_blocks_that_are_alive_together_never_overlap(graph: Subgraph) -> None:
    for one, other in pairs_alive_together(plan_memory(graph).blocks):
        assert one.offset + one.size_bytes <= other.offset or other.offset + other.size_bytes <= one.offset


@given(graphs())
def test_a_plan_is_never_under_the_bound_and_every_block_is_aligned(graph: Subgraph) -> None:
    plan = plan_memory(graph)
    assert plan.size_bytes >= plan.bound_bytes == sum(block.size_bytes for block in plan.alive)
    assert all(block.offset % ALIGNMENT_BYTES == 0 for block in plan.blocks)


@given(graphs(("SUB", "CONCATENATION")))
def test_where_nothing_shares_memory_a_plan_is_never_under_the_liveness_bound(graph: Subgraph) -> None:
    assert plan_memory(graph).size_bytes >= peak_activations(graph).size_bytes


@given(graphs())
def test_each_tensor_lies_in_one_block_that_lives_as_long_as_it_is_needed(graph: Subgraph) -> None:
    plan = plan_memory(graph)
    of = {place: block for block in plan.blocks for place in block.tensors}
    assert sum(len(block.tensors) for block in plan.blocks) == len(of)
    for step, operator in enumerate(graph.operators):
        for place in (*operator.inputs, *operator.outputs):
            if place is not None and graph.tensors[place].size_bytes:
                assert of[place].first <= step <= of[place].last


def test_an_addition_writes_over_an_input_that_nothing_else_reads() -> None:
    tensors = tuple(floats(name, 100) for name in "abcd")
    steps = (Operator("SUB", (0, 0), (1,)), Operator("ADD", (1, 1), (2,)), Operator("SUB", (2, 2), (3,)))
    twice = plan_memory(Subgraph("", tensors, (0,), (3,), steps))
    once = plan_memory(
        Subgraph("", tensors, (0,), (3,), (steps[0], Operator("MUL", (1,), (2,)), *steps[2:])),
    )
    assert {1, 2} not in [set(block.tensors) for block in twice.blocks]
    assert {1, 2} in [set(block.tensors) for block in once.blocks]


def test_tensors_of_unknown_size_are_named_and_left_out() -> None:
    tensors = (floats("a", 8), floats("b", -1), floats("c", 8))
    graph = Subgraph("", tensors, (0,), (2,), (Operator("SUB", (0,), (1,)), Operator("SUB", (1,), (2,))))
    assert plan_memory(graph).unknown == (1,)


def test_a_graph_without_operators_holds_its_inputs() -> None:
    plan = plan_memory(Subgraph("", (floats("a", 4),), (0,), (0,), ()))
    assert (plan.size_bytes, plan.operator) == (16, None)


@pytest.mark.parametrize(
    "file",
    [
        "mlperf-tiny/pretrainedResnet.tflite",
        "mlperf-tiny/pretrainedResnet_quant.tflite",
        "mlperf-tiny/vww_96_float.tflite",
        "mlperf-tiny/vww_96_int8.tflite",
        "mlperf-tiny/kws_ref_model.tflite",
        "mlperf-tiny/ad01_int8.tflite",
        "tflite-support/mobilenet_v1_0.25_224_quant.tflite",
    ],
)
def test_the_plan_is_the_interpreters_own(assets: Path, file: str) -> None:
    arena = arena_bytes(tensor_places(str(assets / file)))
    assert arena is not None
    assert plan_memory(read_tflite(assets / file).main).size_bytes == pytest.approx(arena, rel=WITHIN)


@pytest.mark.parametrize(
    "file",
    [
        "mlperf-tiny/kws_ref_model_float32.tflite",
        "tflite-micro/trained_lstm.tflite",
        "tflite-micro/trained_lstm_int8.tflite",
        "tricky/tflite/litert__test__testdata__static_w8_a16_quantized_k_einsum.tflite",
    ],
)
def test_scratch_memory_that_is_left_out_is_told_and_lies_in_the_range(assets: Path, file: str) -> None:
    graph = read_tflite(assets / file)
    arena = arena_bytes(tensor_places(str(assets / file)))
    figure = estimate_memory(subject_of(graph, 1), load_profile("raspberry-pi-4b").profile).arena
    assert plan_memory(graph.main).left_out > 0
    assert "without the scratch memory" in figure.method
    assert arena is not None
    assert figure.interval is not None
    assert figure.interval.low <= arena <= figure.interval.high
