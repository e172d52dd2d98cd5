"""edgekit_targets.graph.liveness: the peak of what is alive."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edgekit_targets.graph.graph import Operator, Subgraph, Tensor
from edgekit_targets.graph.liveness import peak_activations


def values(*sizes, **fields) -> tuple[Tensor, ...]:
    return tuple(Tensor(f"t{i}", (size,), "int8", **fields) for i, size in enumerate(sizes))


def chain(*sizes) -> Subgraph:
    """Each tensor is made from the one before it."""
    operators = tuple(Operator("RELU", (i,), (i + 1,)) for i in range(len(sizes) - 1))
    return Subgraph("main", values(*sizes), (0,), (len(sizes) - 1,), operators)


def test_in_a_chain_two_neighbours_are_alive():
    peak = peak_activations(chain(10, 40, 30, 5))
    assert (peak.size_bytes, peak.operator, peak.alive, peak.unknown) == (70, 1, (1, 2), ())


def test_a_shortcut_keeps_its_tensor_alive():
    operators = (Operator("RELU", (0,), (1,)), Operator("RELU", (1,), (2,)), Operator("ADD", (0, 2), (3,)))
    peak = peak_activations(Subgraph("main", values(10, 10, 10, 10), (0,), (3,), operators))
    assert (peak.size_bytes, peak.operator) == (30, 1)


def test_what_follows_from_constants_alone_is_no_activation():
    stored = Tensor("w", (50,), "int8", data=memoryview(bytes(50)), storage=1)
    operators = (
        Operator("DEQUANTIZE", (1,), (2,)),
        Operator("RESHAPE", (2,), (3,)),
        Operator("FULLY_CONNECTED", (0, 3), (4,)),
    )
    tensors = values(10, 1, 200, 200, 20)
    peak = peak_activations(Subgraph("main", (tensors[0], stored, *tensors[2:]), (0,), (4,), operators))
    assert (peak.size_bytes, peak.alive) == (30, (4, 0))


def test_an_output_stays_to_the_end_and_an_unread_value_does_not():
    operators = (Operator("SPLIT", (0,), (1, 2)), Operator("RELU", (0,), (3,)), Operator("RELU", (3,), (4,)))
    peak = peak_activations(Subgraph("main", values(1, 20, 500, 30, 40), (0,), (1, 4), operators))
    assert (peak.size_bytes, peak.operator) == (521, 0)
    without = peak_activations(Subgraph("main", values(1, 20, 5, 30, 40), (0,), (1, 4), operators))
    assert (without.size_bytes, without.operator, without.alive) == (90, 2, (4, 3, 1))


def test_constants_are_no_activations_and_state_is_always_alive():
    weights = Tensor("w", (1000,), "int8", data=memoryview(b"\0"), storage=1)
    state = Tensor("s", (100,), "int8", state=True)
    operators = (Operator("RELU", (0,), (1,)), Operator("RNN", (1, 2, 3), (4,)), Operator("RELU", (4,), (5,)))
    tensors = (*values(50, 1), weights, state, *values(1, 1))
    peak = peak_activations(Subgraph("main", tensors, (0,), (5,), operators))
    assert (peak.size_bytes, peak.operator) == (151, 0)


def test_a_value_that_no_operator_makes_is_there_from_the_beginning():
    operators = (Operator("RELU", (0,), (1,)), Operator("ADD", (1, 2), (3,)))
    peak = peak_activations(Subgraph("main", values(60, 1, 30, 1), (0,), (3,), operators))
    assert peak.size_bytes == 91


def test_what_has_no_size_is_named():
    tensors = (Tensor("text", (1,), "string"), *values(5))
    peak = peak_activations(Subgraph("main", tensors, (0,), (1,), (Operator("HASHTABLE_LOOKUP", (0,), (1,)),)))
    assert (peak.size_bytes, peak.alive, peak.unknown) == (5, (1,), (0,))


def test_a_graph_without_operators_holds_its_borders():
    peak = peak_activations(Subgraph("main", values(3, 4), (0,), (1,), ()))
    assert (peak.size_bytes, peak.operator) == (7, None)


@st.composite
def graphs(draw) -> Subgraph:
    """Operators that each read earlier tensors, and write the next one."""
    sizes = draw(st.lists(st.integers(0, 100), min_size=2, max_size=12))
    operators = [
        Operator("ADD_N", tuple(draw(st.lists(st.integers(0, made - 1), min_size=1, max_size=3))), (made,))
        for made in range(1, len(sizes))
    ]
    outputs = draw(st.sets(st.integers(0, len(sizes) - 1), min_size=1))
    return Subgraph("main", values(*sizes), (0,), tuple(sorted(outputs)), tuple(operators))


@given(graphs())
def test_the_peak_is_the_largest_sum_over_the_steps(graph):
    def needed(place: int, step: int) -> bool:
        made = step >= place - 1  # tensor k is made by operator k - 1, and tensor 0 is there before
        later = any(place in operator.inputs for operator in graph.operators[step:])
        return made and (later or place in graph.outputs or step == place - 1)

    sums = [
        sum(tensor.size_bytes for place, tensor in enumerate(graph.tensors) if needed(place, step))
        for step in range(len(graph.operators))
    ]
    if 0 not in graph.outputs and not any(0 in operator.inputs for operator in graph.operators):
        sums[0] += graph.tensors[0].size_bytes  # an input that nobody reads is still given
    assert peak_activations(graph).size_bytes == max(sums)
