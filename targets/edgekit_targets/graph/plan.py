"""Where an interpreter puts the values between operators: one block of memory, each part reused when it is free.

It is the plan that TensorFlow Lite's ArenaPlanner makes for its builtin kernels: inputs are kept to the end, the
largest blocks are placed first, each into the smallest gap that is free for its lifetime, on multiples of 64 bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from edgekit_targets.graph.graph import Operator, Subgraph
from edgekit_targets.graph.liveness import lifetimes

ALIGNMENT_BYTES = 64  # kDefaultTensorAlignment in TensorFlow Lite's util.h
SHAPE_ONLY = frozenset({"BITCAST", "EXPAND_DIMS", "RESHAPE", "SQUEEZE"})
"""Operators whose output is their input's memory, under another shape."""
IN_PLACE = frozenset({"ADD", "MUL", "SOFTMAX"})
"""Operators that write over an input which nothing else reads, where the sizes are the same."""
WEIGHTED = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})
OWN_SCRATCH = frozenset(
    {
        "BATCH_MATMUL",
        "BIDIRECTIONAL_SEQUENCE_LSTM",
        "BIDIRECTIONAL_SEQUENCE_RNN",
        "LSTM",
        "RNN",
        "SVDF",
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        "UNIDIRECTIONAL_SEQUENCE_RNN",
    }
)
"""Operators whose kernels take scratch memory of their own, beside that of `WEIGHTED` with integer weights."""
LEAST_SHARED_BYTES = 5  # smaller tensors are not worth it to the planner


@dataclass(frozen=True)
class Block:
    """A part of the memory.

    Attributes:
        tensors: Indexes of the tensors that lie there, one after the other; empty for scratch memory.
        size_bytes: How much it takes.
        first: The first operator at which it is needed.
        last: The last one.
        offset: Where it begins.
    """

    tensors: tuple[int, ...]
    size_bytes: int
    first: int
    last: int
    offset: int = 0


@dataclass(frozen=True)
class MemoryPlan:
    """A plan of the memory of a graph's activations.

    Attributes:
        size_bytes: How much memory the plan takes.
        bound_bytes: The least that any plan takes: the largest sum of blocks alive at one operator.
        operator: The operator of that sum; `None` in a graph without operators.
        alive: The blocks alive there, the largest first.
        blocks: All of them, by offset.
        unknown: Indexes of tensors that are left out, because their size is not known.
        left_out: How many operators have scratch memory of their own that is left out: those that multiply float
            values by integer weights, recurrent layers, products of two computed values.
    """

    size_bytes: int
    bound_bytes: int
    operator: int | None
    alive: tuple[Block, ...]
    blocks: tuple[Block, ...]
    unknown: tuple[int, ...]
    left_out: int


def plan_memory(subgraph: Subgraph) -> MemoryPlan:
    """Plan the memory of a graph's inputs, outputs, states, of what its operators compute, and of their scratch memory.

    Args:
        subgraph: The graph.
    """
    steps = max(1, len(subgraph.operators))
    lives = _kept(subgraph, lifetimes(subgraph))
    unknown = tuple(sorted(place for place in lives if subgraph.tensors[place].size_bytes is None))
    blocks = [*_shared_blocks(subgraph, lives), *_scratch(subgraph)]
    placed = _place(sorted(blocks, key=lambda block: _order(block, steps)), steps)
    bound, step = _peak(placed, steps)
    alive = [block for block in placed if block.first <= step <= block.last]
    return MemoryPlan(
        size_bytes=max((block.offset + block.size_bytes for block in placed), default=0),
        bound_bytes=bound,
        operator=step if subgraph.operators else None,
        alive=tuple(sorted(alive, key=lambda block: -block.size_bytes)),
        blocks=tuple(sorted(placed, key=lambda block: (block.offset, block.first))),
        unknown=unknown,
        left_out=sum(1 for op in subgraph.operators if op.name in OWN_SCRATCH or _hybrid(op, subgraph)),
    )


def _kept(subgraph: Subgraph, lives: Mapping[int, tuple[int, int]]) -> dict[int, tuple[int, int]]:
    """Lifetimes, with the inputs kept to the end: a caller may run again without setting them."""
    last = max(0, len(subgraph.operators) - 1)
    return {place: (0, last) if place in subgraph.inputs else life for place, life in lives.items()}


def _shared_blocks(subgraph: Subgraph, lives: Mapping[int, tuple[int, int]]) -> Iterator[Block]:
    """One block for each tensor, or for several that share their memory."""
    owners = _owners(subgraph, lives)
    members: dict[int, list[int]] = {}
    for place in lives:
        members.setdefault(owners.get(place, place), []).append(place)
    for owner, places in members.items():
        size = subgraph.tensors[owner].size_bytes
        if size:
            first, last = min(lives[place][0] for place in places), max(lives[place][1] for place in places)
            yield Block(tuple(places), size, first, last)


def _owners(subgraph: Subgraph, lives: Mapping[int, tuple[int, int]]) -> dict[int, int]:
    """From each tensor that lies in another's memory to the first tensor that lay there."""
    reads: dict[int, int] = {}
    for operator in subgraph.operators:
        for place in operator.inputs:
            if place is not None:
                reads[place] = reads.get(place, 0) + 1
    owners: dict[int, int] = {}
    ends = {place: last for place, (_, last) in lives.items()}
    for step, operator in enumerate(subgraph.operators):
        for place, output in _candidates(operator, subgraph):
            owner = owners.get(place, place)
            moves_none = operator.name in SHAPE_ONLY
            if moves_none or (reads[place] == 1 and ends[owner] == step):
                owners[output] = owner
                ends[owner] = max(ends[owner], ends.get(output, step))
                break
    return owners


def _candidates(operator: Operator, subgraph: Subgraph) -> Iterator[tuple[int, int]]:
    """The inputs whose memory the operator's output may take, each with that output."""
    if operator.name not in SHAPE_ONLY | IN_PLACE or not operator.outputs or operator.outputs[0] is None:
        return
    output = operator.outputs[0]
    size = subgraph.tensors[output].size_bytes
    if output in subgraph.outputs or size is None or size < LEAST_SHARED_BYTES:
        return
    borders = (*subgraph.inputs, *subgraph.outputs)
    places = operator.inputs[:1] if operator.name in SHAPE_ONLY else operator.inputs
    for place in places:
        if place is None or place in borders:
            continue
        tensor = subgraph.tensors[place]
        if tensor.data is None and not tensor.state and tensor.size_bytes == size:
            yield place, output


def _scratch(subgraph: Subgraph) -> Iterator[Block]:
    """Memory in which convolutions lay out their windows, unless each window is one value of the input."""
    for step, operator in enumerate(subgraph.operators):
        if operator.name != "CONV_2D" or _hybrid(operator, subgraph):
            continue
        tensors = subgraph.tensors_of((*operator.inputs[:2], *operator.outputs[:1]))
        if len(tensors) != 3 or any(len(tensor.shape) != 4 or -1 in tensor.shape for tensor in tensors):
            continue
        source, weights, output = tensors
        if weights.shape[1:3] == (1, 1) and source.shape[1:3] == output.shape[1:3]:
            continue
        values = math.prod(output.shape[:3]) * math.prod(weights.shape[1:])
        if source.elements and source.size_bytes:
            yield Block((), values * source.size_bytes // source.elements, step, step)


def _hybrid(operator: Operator, subgraph: Subgraph) -> bool:
    inputs = subgraph.tensors_of(operator.inputs[:2])
    if operator.name not in WEIGHTED or len(inputs) != 2 or inputs[1].data is None:
        return False
    return "float" in inputs[0].dtype and inputs[1].dtype in ("int8", "uint8", "int4")


def _order(block: Block, steps: int) -> tuple[int, int, int]:
    """What lives from the beginning to the end comes first, then the largest, then the earliest."""
    if block.first == 0 and block.last == steps - 1 and block.tensors:
        return 0, min(block.tensors), 0
    return 1, -block.size_bytes, block.first


def _place(blocks: Sequence[Block], steps: int) -> list[Block]:
    placed: list[Block] = []
    alive: list[list[int]] = [[] for _ in range(steps)]  # by step the numbers of the blocks that are alive there
    for block in blocks:
        life = range(block.first, block.last + 1)
        numbers = {number for step in life for number in alive[step]}
        beside = sorted((placed[number].offset, placed[number].size_bytes) for number in numbers)
        for step in life:
            alive[step].append(len(placed))
        placed.append(replace(block, offset=_best_gap(beside, block.size_bytes)))
    return placed


def _best_gap(beside: Sequence[tuple[int, int]], size: int) -> int:
    """The begin of the smallest gap that is wide enough between blocks, sorted by offset; else their end."""
    best, narrowest, end = -1, -1, 0
    for offset, length in beside:
        begin = _aligned(end)
        if begin + size <= offset and (best < 0 or offset - begin < narrowest):
            best, narrowest = begin, offset - end
        end = max(end, offset + length)
    return best if best >= 0 else _aligned(end)


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT_BYTES) * ALIGNMENT_BYTES


def _peak(blocks: Sequence[Block], steps: int) -> tuple[int, int]:
    """The largest sum of blocks alive at one step, and that step."""
    changes = [0] * (steps + 1)
    for block in blocks:
        changes[block.first] += block.size_bytes
        changes[block.last + 1] -= block.size_bytes
    taken = list(accumulate(changes[:-1]))
    step = max(range(steps), key=taken.__getitem__)
    return taken[step], step
