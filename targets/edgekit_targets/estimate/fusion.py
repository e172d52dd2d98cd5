"""What a runtime makes of a graph before it runs it: what it does once, folds into others, or runs in int8."""

from __future__ import annotations

from dataclasses import dataclass

from edgekit_targets.graph.graph import Graph, Operator, Subgraph
from edgekit_targets.graph.kinds import SHAPE
from edgekit_targets.graph.liveness import fixed_tensors

FOLDED = {
    "BatchNormalization": ("Conv", "ConvTranspose"),
    "Mul": ("Conv",),
    "Add": ("Conv",),
    "Relu": ("Conv", "Gemm"),
    "Clip": ("Conv", "Gemm"),
}
"""Operators that onnxruntime folds into the one whose output they alone read, and which ones those are."""
BY_CONSTANTS = ("Mul", "Add")  # only where the other operand is known: it goes into the weights
ACTIVATIONS = ("Relu", "Clip")  # nothing more is folded behind them
TO_FLOAT, TO_INTEGERS = "DequantizeLinear", "QuantizeLinear"


@dataclass(frozen=True)
class Fusion:
    """What is done with a graph's operators and tensors.

    Attributes:
        free: Places of operators that take no time of their own.
        prepared: Places of tensors that are made of constants when the file is loaded: weights, to the kernels.
        quantized: Places of tensors that the file keeps in float32 and kernels take in int8.
        fixed: Places of constants, and of what is computed from them alone.
    """

    free: frozenset[int]
    prepared: frozenset[int]
    quantized: frozenset[int]
    fixed: frozenset[int]


def fusion_of(graph: Graph) -> Fusion:
    """What the runtime of a graph's format does with its main graph."""
    subgraph = graph.main
    fixed = frozenset(fixed_tensors(subgraph))
    looks = [place for place, operator in enumerate(subgraph.operators) if operator.name in SHAPE]
    if graph.format != "onnx":
        constant = _of_constants(subgraph, "DEQUANTIZE")
        return Fusion(frozenset((*looks, *constant)), _outputs(subgraph, constant), frozenset(), fixed)
    between = [i for i, op in enumerate(subgraph.operators) if op.name in (TO_FLOAT, TO_INTEGERS)]
    weights = _outputs(subgraph, _of_constants(subgraph, TO_FLOAT))
    return Fusion(frozenset((*looks, *between, *_folded(subgraph))), weights, _quantized(subgraph), fixed)


def _of_constants(subgraph: Subgraph, name: str) -> list[int]:
    return [
        place
        for place, operator in enumerate(subgraph.operators)
        if operator.name == name and all(t.data is not None for t in subgraph.tensors_of(operator.inputs))
    ]


def _outputs(subgraph: Subgraph, places: list[int]) -> frozenset[int]:
    return frozenset(out for place in places for out in subgraph.operators[place].outputs if out is not None)


def _quantized(subgraph: Subgraph) -> frozenset[int]:
    """Outputs of conversions to float, and inputs of conversions from it."""
    found: set[int] = set()
    for operator in subgraph.operators:
        if operator.name == TO_FLOAT:
            found.update(place for place in operator.outputs if place is not None)
        elif operator.name == TO_INTEGERS:
            found.update(place for place in operator.inputs[:1] if place is not None)
    return frozenset(found)


def _folded(subgraph: Subgraph) -> list[int]:
    makers: dict[int, str] = {}
    readers: dict[int, int] = {}
    for operator in subgraph.operators:
        for place in operator.inputs:
            if place is not None:
                readers[place] = readers.get(place, 0) + 1
    found = []
    for step, operator in enumerate(subgraph.operators):
        name = _maker(operator, subgraph, makers, readers)
        if name:
            found.append(step)
        for place in operator.outputs:
            if place is not None:
                makers[place] = name if name and operator.name not in ACTIVATIONS else operator.name
    return found


def _maker(operator: Operator, subgraph: Subgraph, makers: dict[int, str], readers: dict[int, int]) -> str:
    """The operator that this one is folded into; empty where it is into none."""
    if operator.name not in FOLDED:
        return ""
    given = [place for place in operator.inputs if place is not None]
    if operator.name in BY_CONSTANTS:
        given = [place for place in given if subgraph.tensors[place].data is None]
        if len(given) != 1 or len(operator.inputs) != 2:
            return ""
    if not given or readers.get(given[0]) != 1:
        return ""
    name = makers.get(given[0], "")
    return name if name in FOLDED[operator.name] else ""
