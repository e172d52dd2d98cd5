"""The multiply-accumulates of ONNX's operators, and of those that onnxruntime brings along, each by its formula."""

from __future__ import annotations

import math
from collections.abc import Mapping

from edgekit_targets.graph.formula import Counted, Formula, Shape, Shapes
from edgekit_targets.graph.graph import Operator

OPEN = (-1,)
NONE = (0,)


def _convolution(weights: int) -> Formula:
    """Weights `(O, I, ...)`, I being the channels of one group: each value of the output takes I times the kernel."""
    return lambda _, inputs, output: output + inputs[weights][1:]


def _transposed(_: Operator, inputs: Shapes, output: Shape) -> Shape:  # noqa: ARG001  # the face of Formula
    """Weights `(I, O, ...)`, O being the channels of one group: each value of the input is spread over them."""
    return inputs[0] + inputs[1][1:]


def _product(_: Operator, inputs: Shapes, output: Shape) -> Shape:
    """Matrices `(..., M, K)` and `(..., K, N)`: each value of the output takes K."""
    return (*output, inputs[0][-1])


def _transposable(operator: Operator, inputs: Shapes, output: Shape) -> Shape:
    """The same, the first matrix being `(..., K, M)` where `transA` says so."""
    return (*output, inputs[0][-2 if operator.attributes.get("transA") else -1])


def _recurrent(_: Operator, inputs: Shapes, output: Shape) -> Shape:  # noqa: ARG001  # the face of Formula
    """Input `(T, N, I)` or `(N, T, I)`, weights of the input and of the last output for all gates and directions."""
    matrices = inputs[1], inputs[2]
    weights = -1 if any(-1 in matrix for matrix in matrices) else sum(map(math.prod, matrices))
    return (*inputs[0][:2], weights)


def _attention(past_key: int) -> Formula:
    """Queries by keys, then weights by values: queries and keys `(N, T, D)` or `(N, heads, T, D)`.

    Args:
        past_key: The place of the keys of runs before, `(N, heads, T, D)`; may be left out.
    """

    def count(_: Operator, inputs: Shapes, output: Shape) -> Shape:
        steps = (inputs[1][-2], *inputs.get(past_key, ())[-2:-1])
        widths = (inputs[0][-1], output[-1])
        if -1 in steps or -1 in widths:
            return OPEN
        return (*inputs[0][:-1], sum(steps), sum(widths))

    return count


def _projected_attention(_: Operator, inputs: Shapes, output: Shape) -> Shape:
    """Attention of com.microsoft: input `(N, T, I)` by weights `(I, Q + K + V)`, then queries by keys and so on."""
    (batch, steps, _inner), (inner, outer), values = inputs[0], inputs[1], output[-1]
    past = inputs.get(4, ())[-2:-1]  # (2, N, heads, T, D)
    if -1 in (steps, inner, outer, values, *past):
        return OPEN
    queries = (outer - values) // 2
    return (batch, steps, inner * outer + (steps + sum(past)) * (queries + values))


def _einsum(operator: Operator, inputs: Shapes, output: Shape) -> Shape | None:  # noqa: ARG001  # the face of Formula
    """Two terms: one product for each combination of all their letters; `...` stands for axes broadcast together."""
    equation = str(operator.attributes.get("equation", "")).replace(" ", "")
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) != 2 or len(inputs) != 2:
        return NONE if len(terms) == 1 else None  # of three and more the order decides, which is the runtime's
    named = [_letters(term, len(inputs[place])) for place, term in enumerate(terms)]
    summed = set(named[0]) & set(named[1]) - set(right if arrow else "")
    if not any(letter.isalpha() for letter in summed):
        return NONE  # each value by another, and no sum
    sizes: dict[str, int] = {}
    for place, letters in enumerate(named):
        for letter, size in zip(letters, inputs[place], strict=False):
            sizes[letter] = size if sizes.get(letter, 1) in (1, -1) else sizes[letter]
    return tuple(sizes.values())


def _letters(term: str, rank: int) -> list[str]:
    """A name for each axis; those that `...` stands for are counted from its end, as broadcasting does."""
    before, _, after = term.partition("...")
    between = rank - len(before) - len(after)
    return [*before, *(f".{between - place}" for place in range(between)), *after]


MATRICES = {0: 1, 1: 1}
ONNX_FORMULAS: Mapping[str, Counted] = {
    "Conv": (_convolution(1), {0: 3, 1: 3}),
    "ConvInteger": (_convolution(1), {0: 3, 1: 3}),
    "QLinearConv": (_convolution(3), {0: 3, 3: 3}),
    "DeformConv": (_convolution(1), {0: 3, 1: 3}),
    "com.microsoft.FusedConv": (_convolution(1), {0: 3, 1: 3}),
    "ConvTranspose": (_transposed, {0: 3, 1: 3}),
    "Gemm": (_transposable, {0: 2, 1: 2}),
    "com.microsoft.FusedGemm": (_transposable, {0: 2, 1: 2}),
    "com.microsoft.QGemm": (_transposable, {0: 2, 3: 2}),
    "com.microsoft.FusedMatMul": (_transposable, {0: 2, 1: 1}),
    "MatMul": (_product, MATRICES),
    "MatMulInteger": (_product, MATRICES),
    "QLinearMatMul": (_product, {0: 1, 3: 1}),
    "com.microsoft.DynamicQuantizeMatMul": (_product, MATRICES),
    "com.microsoft.MatMulIntegerToFloat": (_product, MATRICES),
    "com.microsoft.MatMulNBits": (_product, MATRICES),
    "LSTM": (_recurrent, {0: 3, 1: 3, 2: 3}),
    "GRU": (_recurrent, {0: 3, 1: 3, 2: 3}),
    "RNN": (_recurrent, {0: 3, 1: 3, 2: 3}),
    "com.microsoft.DynamicQuantizeLSTM": (_recurrent, {0: 3, 1: 3, 2: 3}),
    "Attention": (_attention(4), {0: 3, 1: 3, 2: 3}),
    "com.microsoft.MultiHeadAttention": (_attention(6), {0: 3, 1: 3, 2: 3}),
    "com.microsoft.Attention": (_projected_attention, {0: 3, 1: 2}),
    "Einsum": (_einsum, {}),
}
