"""How an Ethos-U's multipliers are filled: what an operator takes of them, with what its last blocks leave empty.

The sizes are facts of Vela's performance model (ethos-u-vela 5.2.0, architecture_features.py and npu_performance.py),
which its compiler core follows; docs/validation.md holds the sums against Vela's own, operators of whole networks.
"""

from __future__ import annotations

import math

from edgekit_targets.estimate.work import Load
from edgekit_targets.graph.graph import Subgraph

OUTPUTS = 8  # channels of an output that are computed at once
INPUTS, FEW_INPUTS = 32, 8  # channels of an input that are taken at once: for each value of a kernel, or for four
KERNEL_VALUES = 4  # of a kernel that are taken at once where the channels are few, and always in a depthwise one
DEPTHWISE_SHARE = 8  # a depthwise convolution has one of the eight inputs that a multiplier row takes
ROW_MACS = OUTPUTS * FEW_INPUTS
LEAST_POSITIONS, MOST_POSITIONS = 1, 4  # of a picture that are computed at once, whatever the number of cores
MATRIX_POSITIONS = 4  # what a matrix product, which has one position, takes of them
# Cycles for each value of an output where 256 multipliers stand: scaling it, and what it takes to do nothing else.
OUTPUT_CYCLES, ELEMENTWISE_CYCLES, COUNTED_MACS = 0.4, 0.9, 256


def cycles_of(load: Load, graph: Subgraph, macs_per_cycle: int) -> float:
    """What an operator takes of an Ethos-U's multipliers and of what scales their sums, in cycles.

    Args:
        load: What the operator computes.
        graph: The graph around it.
        macs_per_cycle: Multiply-accumulates of all cores in a cycle.
    """
    outputs = graph.tensors_of(graph.operators[load.place].outputs)
    values = sum(tensor.elements or 0 for tensor in outputs)
    if not load.macs:
        return values * ELEMENTWISE_CYCLES * COUNTED_MACS / macs_per_cycle
    scaling = values * OUTPUT_CYCLES * COUNTED_MACS / macs_per_cycle
    return max(_filled_macs(load, graph, macs_per_cycle) / macs_per_cycle, scaling)


def _filled_macs(load: Load, graph: Subgraph, macs_per_cycle: int) -> float:
    """The multiply-accumulates of an operator, with those that full blocks would do beside them."""
    operator = graph.operators[load.place]
    (output,), weights = graph.tensors_of(operator.outputs[:1]), graph.tensors_of(operator.inputs[1:2])
    if not weights or not output.shape:
        return float(load.macs)
    channels = up(load.width or output.shape[-1], OUTPUTS)
    places = _positions(output.shape, macs_per_cycle) * channels
    shape = weights[0].shape
    if load.depthwise_macs:
        return places * up(math.prod(shape[1:-1]), KERNEL_VALUES) * DEPTHWISE_SHARE
    kernel, inputs = math.prod(shape[1:-1]), shape[-1]
    return places * min(up(inputs, INPUTS) * kernel, up(inputs, FEW_INPUTS) * up(kernel, KERNEL_VALUES))


def _positions(shape: tuple[int, ...], macs_per_cycle: int) -> int:
    """The positions of an output, with those beside its rims that are computed in vain."""
    if len(shape) != 4:
        return MATRIX_POSITIONS * math.prod(shape[:-1])
    at_once = min(max(macs_per_cycle // ROW_MACS, LEAST_POSITIONS), MOST_POSITIONS)
    high = 2 if at_once > LEAST_POSITIONS else 1
    return shape[0] * up(shape[1], high) * up(shape[2], at_once // high)


def up(value: int, step: int) -> int:
    """The next multiple of a number."""
    return -(-value // step) * step
