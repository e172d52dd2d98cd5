"""What each operator costs: multiply-accumulates, and bytes that it reads and writes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from edgekit_targets.graph.graph import Operator, Subgraph, Tensor
from edgekit_targets.graph.kinds import NO_MACS

Shape = tuple[int, ...]
Shapes = Mapping[int, Shape]  # by the input's place; optional inputs may be left out
Formula = Callable[[Operator, Shapes, Shape], Shape]
"""From an operator, its inputs' shapes and its first output's to the factors of its MACs; -1 where one is open."""


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
    if operator.name not in FORMULAS:
        return None, "its MACs are not known here"
    formula, ranks = FORMULAS[operator.name]
    shapes = {i: subgraph.tensors[place].shape for i, place in enumerate(operator.inputs) if place is not None}
    outputs = subgraph.tensors_of(operator.outputs)
    if not outputs or any(len(shapes.get(place, ())) < rank for place, rank in ranks.items()):
        return None, f"its inputs are not those of {operator.name}"
    factors = formula(operator, shapes, outputs[0].shape)
    return (None, "the file leaves a shape open") if -1 in factors else (math.prod(factors), "")


def _convolution(_: Operator, inputs: Shapes, output: Shape) -> Shape:
    """Weights `(O, H, W, I)`, I being the inputs of one group: each value of the output takes H * W * I."""
    return output + inputs[1][1:]


def _depthwise(_: Operator, inputs: Shapes, output: Shape) -> Shape:
    """Weights `(1, H, W, O)`: each value of the output takes H * W."""
    return output + inputs[1][1:3]


def _transposed(_: Operator, inputs: Shapes, output: Shape) -> Shape:  # noqa: ARG001  # the face of Formula
    """Weights `(O, H, W, I)`: each value of the input, `(N, H, W, I)`, is spread over O * H * W."""
    return inputs[2] + inputs[1][:3]


def _convolution_3d(_: Operator, inputs: Shapes, output: Shape) -> Shape:
    """Weights `(D, H, W, I, O)`: each value of the output takes D * H * W * I."""
    return output + inputs[1][:4]


def _transposed_3d(_: Operator, inputs: Shapes, output: Shape) -> Shape:  # noqa: ARG001  # the face of Formula
    """Weights `(D, H, W, O, I)`: each value of the input is spread over D * H * W * O."""
    return inputs[2] + inputs[1][:4]


def _dense(_: Operator, inputs: Shapes, output: Shape) -> Shape:
    """Weights `(O, I)`: each value of the output takes I."""
    return (*output, inputs[1][1])


def _product(operator: Operator, inputs: Shapes, output: Shape) -> Shape:
    """Matrices `(..., M, K)`, or `(..., K, M)` where adjoint: each value of the output takes K."""
    return (*output, inputs[0][-2 if operator.attributes.get("adjoint_x") else -1])


def _recurrent(operator: Operator, inputs: Shapes, output: Shape) -> Shape:  # noqa: ARG001  # the face of Formula
    """Each matrix of weights is taken once for each step, the steps being all but the last axis of the input."""
    basic = operator.name == "LSTM" and len(operator.inputs) == BASIC_LSTM_INPUTS
    places = (2,) if basic else MATRICES[operator.name]
    matrices = [inputs[place] for place in places if place in inputs]
    weights = -1 if any(-1 in matrix for matrix in matrices) else sum(map(math.prod, matrices))
    return (*inputs[0][:-1], weights)


BASIC_LSTM_INPUTS = 5  # input, activation, one matrix for all gates, bias, state
LSTM_MATRICES = (*range(1, 9), 16)  # of the input and of the last output, four gates each; the projection
# The places of weight matrices among the inputs, as TensorFlow Lite's kernels number them.
MATRICES = {
    "LSTM": LSTM_MATRICES,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": LSTM_MATRICES,
    "RNN": (1, 2),
    "UNIDIRECTIONAL_SEQUENCE_RNN": (1, 2),
    "SVDF": (1, 2),
}
FORMULAS: Mapping[str, tuple[Formula, Mapping[int, int]]] = {
    "CONV_2D": (_convolution, {1: 4}),
    "DEPTHWISE_CONV_2D": (_depthwise, {1: 4}),
    "TRANSPOSE_CONV": (_transposed, {1: 4, 2: 4}),
    "CONV_3D": (_convolution_3d, {1: 5}),
    "CONV_3D_TRANSPOSE": (_transposed_3d, {1: 5, 2: 5}),
    "FULLY_CONNECTED": (_dense, {1: 2}),
    "BATCH_MATMUL": (_product, {0: 2, 1: 2}),
    **{name: (_recurrent, {0: 2, 2: 2}) for name in MATRICES},
}
"""For each operator with MACs its formula, and the least number of axes of the inputs that it takes."""
