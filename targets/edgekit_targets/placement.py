"""Where a model's operators run, once it is known which of them an accelerator refuses."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from functools import cached_property

from edgekit_targets.graph.cost import operator_cost
from edgekit_targets.graph.graph import Subgraph
from edgekit_targets.graph.kinds import CONVERSION


@dataclass(frozen=True)
class Split:
    """A model in parts.

    Attributes:
        on_cpu: Indexes of the operators that run on the processor.
        macs_on_cpu: Their multiply-accumulates, as far as they are known.
        partitions: Into how many parts the accelerator's operators fall.
        link_bytes: Bytes that cross between the two in an inference, as far as they are known: the model's inputs
            and outputs lie on the processor's side, and a tensor crosses once in each direction that it takes.
    """

    on_cpu: frozenset[int]
    macs_on_cpu: int
    partitions: int
    link_bytes: int


class Splitter:
    """Splits one graph, as often as asked, for an accelerator.

    Args:
        subgraph: The graph.
        one_partition: Whether everything behind the first operator that is refused runs on the processor.
    """

    def __init__(self, subgraph: Subgraph, *, one_partition: bool = False) -> None:
        self._graph = subgraph
        self._one_partition = one_partition

    @cached_property
    def macs(self) -> tuple[int, ...]:
        """The multiply-accumulates of each operator, 0 where they are not known."""
        return tuple(operator_cost(operator, self._graph).macs or 0 for operator in self._graph.operators)

    def split(self, refused: Set[int]) -> Split:
        """Split the graph where these operators are refused."""
        on_cpu = frozenset(refused) | (self._behind(refused) if self._one_partition else frozenset())
        macs = sum(self.macs[index] for index in on_cpu)
        return Split(on_cpu, macs, self._partitions(on_cpu), self._link_bytes(on_cpu))

    def _behind(self, refused: Set[int]) -> frozenset[int]:
        """What comes behind the first operator refused; conversions at the very beginning do not count as one."""
        operators = self._graph.operators
        start = 0
        while start in refused and operators[start].name in CONVERSION:
            start += 1
        first = min((index for index in refused if index >= start), default=len(operators))
        return frozenset(range(first, len(operators)))

    @cached_property
    def _needs(self) -> tuple[frozenset[int], ...]:
        """For each operator those whose outputs it reads."""
        writers = {place: i for i, operator in enumerate(self._graph.operators) for place in operator.outputs}
        return tuple(
            frozenset(writers[place] for place in operator.inputs if place in writers and writers[place] != index)
            for index, operator in enumerate(self._graph.operators)
        )

    def _partitions(self, on_cpu: Set[int]) -> int:
        """The fewest parts: each operator as early as what it needs allows, whichever order the file has."""
        part: list[int] = []  # even: a part of the processor's, odd: one of the accelerator's
        for index, needs in enumerate(self._needs):
            mine = 0 if index in on_cpu else 1
            latest = max((part[need] for need in needs if need < index), default=0)
            part.append(latest if latest % 2 == mine else latest + 1)
        return len({number for number in part if number % 2})

    def _link_bytes(self, on_cpu: Set[int]) -> int:
        graph = self._graph
        made = {place: index in on_cpu for index, op in enumerate(graph.operators) for place in op.outputs}
        read: dict[int, set[bool]] = {}
        for index, operator in enumerate(graph.operators):
            for place in operator.inputs:
                if place is not None and graph.tensors[place].data is None:
                    read.setdefault(place, set()).add(index in on_cpu)
        for place in graph.outputs:
            read.setdefault(place, set()).add(True)
        crossing = [place for place, sides in read.items() if any(side != made.get(place, True) for side in sides)]
        return sum(graph.tensors[place].size_bytes or 0 for place in crossing)
