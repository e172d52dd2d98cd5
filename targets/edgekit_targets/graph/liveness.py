"""Which tensors are alive at which operator, and where they take the most memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from edgekit_targets.graph.graph import Subgraph
from edgekit_targets.graph.kinds import CREATION


@dataclass(frozen=True)
class Peak:
    """The operator at which most memory is taken by the values between operators.

    Attributes:
        size_bytes: The sum of the tensors alive there.
        operator: Its index; `None` in a graph without operators.
        alive: Indexes of those tensors, the largest first.
        unknown: Indexes of the tensors that could not be counted anywhere: their size is not known.
    """

    size_bytes: int
    operator: int | None
    alive: tuple[int, ...]
    unknown: tuple[int, ...]


def peak_activations(subgraph: Subgraph) -> Peak:
    """The peak of a graph's activations: its inputs, its outputs, its state and all that its operators compute.

    A tensor lives from the operator that writes it to the last that reads it; an input from the
    first operator, an output to the last, a state throughout. No two share memory. An interpreter
    needs scratch memory on top, and less where a kernel writes over its own input.
    """
    steps = max(1, len(subgraph.operators))
    lives = lifetimes(subgraph)
    sizes = {place: subgraph.tensors[place].size_bytes for place in lives}
    changes = [0] * (steps + 1)
    for place, (first, last) in lives.items():
        changes[first] += sizes[place] or 0
        changes[last + 1] -= sizes[place] or 0
    taken = list(accumulate(changes[:-1]))
    step = max(range(steps), key=taken.__getitem__)
    alive = [place for place, (first, last) in lives.items() if first <= step <= last and sizes[place]]
    return Peak(
        taken[step],
        step if subgraph.operators else None,
        tuple(sorted(alive, key=lambda place: (-(sizes[place] or 0), place))),
        tuple(sorted(place for place, size in sizes.items() if size is None)),
    )


def lifetimes(subgraph: Subgraph) -> dict[int, tuple[int, int]]:
    """From each tensor that is no constant, nor computed from constants alone, to the operators it is alive at.

    Interpreters compute once what follows from constants alone, such as weights that are stored as float16.

    Returns:
        The first and the last operator for each.
    """
    steps = max(1, len(subgraph.operators))
    lives: dict[int, tuple[int, int]] = {}
    for place, step in _touches(subgraph, steps):
        first, last = lives.get(place, (step, step))
        lives[place] = min(first, step), max(last, step)
    fixed = fixed_tensors(subgraph)
    return {place: life for place, life in lives.items() if place not in fixed}


def fixed_tensors(subgraph: Subgraph) -> set[int]:
    """Indexes of the constants, and of what is computed from them alone."""
    fixed = {place for place, tensor in enumerate(subgraph.tensors) if tensor.data is not None}
    for operator in subgraph.operators:
        inputs = {place for place in operator.inputs if place is not None}
        if inputs and inputs <= fixed and not operator.calls and operator.name not in CREATION:
            fixed |= {place for place in operator.outputs if place is not None} - set(subgraph.outputs)
    return fixed


def _touches(subgraph: Subgraph, steps: int) -> Iterator[tuple[int, int]]:
    """Each tensor with each step at which something needs it."""
    written = {place for operator in subgraph.operators for place in operator.outputs}
    yield from ((place, 0) for place in subgraph.inputs)
    yield from ((place, steps - 1) for place in subgraph.outputs)
    for step, operator in enumerate(subgraph.operators):
        for place in operator.inputs + operator.outputs:
            if place is None:
                continue
            yield place, step
            if place not in written:  # a value that no operator makes was there from the beginning
                yield place, 0
            if subgraph.tensors[place].state:
                yield place, 0
                yield place, steps - 1
