"""What each operator costs: multiply-accumulates, and bytes that it reads and writes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from edgekit_targets.graph.formula import Counted
from edgekit_targets.graph.formulas_onnx import ONNX_FORMULAS
from edgekit_targets.graph.formulas_tflite import TFLITE_FORMULAS
from edgekit_targets.graph.graph import Graph, Operator, Subgraph, Tensor
from edgekit_targets.graph.kinds import NO_MACS

UNKNOWN = "its MACs are not known here"
OPEN = "the file leaves a shape open"
BRANCHES = ("IF", "If")
ONCE = ("CALL", "STABLEHLO_COMPOSITE")
FORMULAS: Mapping[str, tuple[Counted, ...]] = {
    name: tuple(table[name] for table in (ONNX_FORMULAS, TFLITE_FORMULAS) if name in table)
    for name in (*TFLITE_FORMULAS, *ONNX_FORMULAS)
}
"""For each operator with MACs the formulas that may count it: TensorFlow Lite and ONNX share a few names, and ONNX's
inputs have more axes there."""


@dataclass(frozen=True)
class Cost:
    """What one run of an operator costs, for the shapes that the interpreter takes unless it is told others.

    Attributes:
        macs: Multiply-accumulates of weights and of matrices; `None` where they are not known.
        reason: Why not; empty otherwise.
        weight_bytes: Bytes of its inputs that the file fixes; `None` where a shape is open or a type has no size.
        input_bytes: Bytes of its other inputs; likewise.
        output_bytes: Bytes of its outputs; likewise.
    """

    macs: int | None
    reason: str
    weight_bytes: int | None
    input_bytes: int | None
    output_bytes: int | None


def operator_cost(operator: Operator, subgraph: Subgraph) -> Cost:
    """What an operator costs by itself; a graph that it runs is counted apart.

    Args:
        operator: The operator.
        subgraph: The graph it stands in.
    """
    inputs, outputs = subgraph.tensors_of(operator.inputs), subgraph.tensors_of(operator.outputs)
    macs, reason = _macs(operator, subgraph)
    return Cost(
        macs,
        reason,
        total_bytes(tensor for tensor in inputs if tensor.data is not None),
        total_bytes(tensor for tensor in inputs if tensor.data is None),
        total_bytes(outputs),
    )


def least_macs(graph: Graph) -> int:
    """Multiply-accumulates that every run of a graph takes at least; operators that are not counted take none.

    Args:
        graph: Of it, one branch of several is run, the cheapest; the body of a loop never, for it may run 0 times.
    """
    return _least(graph, 0, frozenset())


def _least(graph: Graph, place: int, around: frozenset[int]) -> int:
    """The same of one of its parts; a damaged file may let a part run itself, which is then not counted."""
    part, total = graph.subgraphs[place], 0
    for operator in part.operators:
        total += operator_cost(operator, part).macs or 0
        called = [inner for inner in operator.calls if inner not in around | {place}]
        if operator.name in BRANCHES and len(called) == len(operator.calls):
            total += min(_least(graph, inner, around | {place}) for inner in called)
        elif operator.name in ONCE:
            total += sum(_least(graph, inner, around | {place}) for inner in called)
        elif operator.name == "WHILE" and called:
            total += _least(graph, called[0], around | {place})
    return total


def total_bytes(tensors: Iterable[Tensor]) -> int | None:
    """Bytes of some tensors together; `None` where one of them has no known size."""
    sizes = [tensor.size_bytes for tensor in tensors]
    return None if None in sizes else sum(size for size in sizes if size is not None)


def _macs(operator: Operator, subgraph: Subgraph) -> tuple[int | None, str]:
    """MACs, or the reason why they are not known."""
    if operator.custom:
        return None, "a custom operator: the file does not say what it computes"
    if operator.calls:
        return None, "it runs another graph, and the file does not say how often"
    if operator.name in NO_MACS:
        return 0, ""
    return _counted(operator, subgraph) if operator.name in FORMULAS else (None, UNKNOWN)


def _counted(operator: Operator, subgraph: Subgraph) -> tuple[int | None, str]:
    """The same for an operator with formulas: the first whose inputs these can be."""
    shapes = {i: subgraph.tensors[place].shape for i, place in enumerate(operator.inputs) if place is not None}
    outputs = subgraph.tensors_of(operator.outputs)
    fitting = (
        formula
        for formula, ranks in FORMULAS[operator.name]
        if outputs and all(len(shapes.get(place, ())) >= rank for place, rank in ranks.items())
    )
    formula = next(fitting, None)
    if formula is None:
        opened = any(-1 in shape for shape in shapes.values())
        return None, OPEN if opened else f"its inputs are not those of {operator.name}"
    factors = formula(operator, shapes, outputs[0].shape)
    if factors is None:
        return None, UNKNOWN
    return (None, OPEN) if -1 in factors else (math.prod(factors), "")
