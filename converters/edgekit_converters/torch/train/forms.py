"""What a module's outputs are: probabilities or other numbers, told by the operator that gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgekit_converters.compress.losses import LINEAR, SIGMOID, SOFTMAX

# Names of the nodes that autograd makes.
KNOWN = {
    "SoftmaxBackward0": SOFTMAX,
    "SigmoidBackward0": SIGMOID,
    "LogSoftmaxBackward0": LINEAR,
    "AddmmBackward0": LINEAR,
    "MmBackward0": LINEAR,
    "ConvolutionBackward0": LINEAR,
    "ReluBackward0": LINEAR,
    "TanhBackward0": LINEAR,
}
PASSING = ("ViewBackward0", "UnsafeViewBackward0", "ReshapeAliasBackward0", "SqueezeBackward1", "UnsqueezeBackward0")


def output_forms(outputs: Mapping[str, Any]) -> dict[str, str]:
    """For each output one of `FORMS`; empty where only its values can tell.

    Args:
        outputs: By name, computed with gradients.
    """
    return {name: _form(tensor.grad_fn) for name, tensor in outputs.items()}


def _form(node: Any) -> str:
    while node is not None and node.name() in PASSING and node.next_functions:
        node = node.next_functions[0][0]
    return KNOWN.get(node.name(), "") if node is not None else ""
