"""The multiply-accumulates of TensorFlow Lite's operators, each by its formula."""

from __future__ import annotations

import math
from collections.abc import Mapping

from edgekit_targets.graph.formula import Counted, Shape, Shapes
from edgekit_targets.graph.graph import Operator


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
TFLITE_FORMULAS: Mapping[str, Counted] = {
    "CONV_2D": (_convolution, {1: 4}),
    "DEPTHWISE_CONV_2D": (_depthwise, {1: 4}),
    "TRANSPOSE_CONV": (_transposed, {1: 4, 2: 4}),
    "CONV_3D": (_convolution_3d, {1: 5}),
    "CONV_3D_TRANSPOSE": (_transposed_3d, {1: 5, 2: 5}),
    "FULLY_CONNECTED": (_dense, {1: 2}),
    "BATCH_MATMUL": (_product, {0: 2, 1: 2}),
    **{name: (_recurrent, {0: 2, 2: 2}) for name in MATRICES},
}
