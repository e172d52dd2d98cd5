"""A model that is estimated: what its file says, worked out once for every target."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from edgekit_targets.estimate.latency import Unpredictable
from edgekit_targets.estimate.work import Load, loads_of
from edgekit_targets.graph.graph import Graph
from edgekit_targets.graph.plan import MemoryPlan, plan_memory


@dataclass(frozen=True)
class Subject:
    """A model that is estimated.

    Attributes:
        graph: What it computes.
        size_bytes: Length of its file.
        loads: What its operators compute and move; empty where they are not understood.
        reason: Why not; empty otherwise.
    """

    graph: Graph
    size_bytes: int
    loads: tuple[Load, ...]
    reason: str

    @cached_property
    def weight_bytes(self) -> int:
        """Of its weights, as kernels take them; as the file has them where its operators are not understood."""
        if self.loads:
            return sum(load.weight_bytes for load in self.loads)
        constants = {
            t.storage: len(t.data) for part in self.graph.subgraphs for t in part.tensors if t.data is not None
        }
        return sum(constants.values())

    @cached_property
    def plan(self) -> MemoryPlan:
        """Of its activations."""
        return plan_memory(self.graph.main)


def subject_of(graph: Graph, size_bytes: int) -> Subject:
    """Read what a graph computes, once for every target.

    Args:
        graph: The model.
        size_bytes: Length of its file.
    """
    try:
        return Subject(graph, size_bytes, loads_of(graph), "")
    except Unpredictable as reason:
        return Subject(graph, size_bytes, (), str(reason))
