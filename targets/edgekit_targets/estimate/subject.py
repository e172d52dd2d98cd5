"""A model that is estimated: what its file says, worked out once for every target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from edgekit_targets.estimate.latency import Unpredictable
from edgekit_targets.estimate.npu.encoded import encoded_bytes
from edgekit_targets.estimate.work import Load, loads_of
from edgekit_targets.graph.graph import BITS, Graph
from edgekit_targets.graph.plan import MemoryPlan, plan_memory

SMALL_BITS = 8


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
        return self.constant_bytes

    @cached_property
    def constant_bytes(self) -> int:
        """Of all that the file fixes."""
        tensors = [tensor for part in self.graph.subgraphs for tensor in part.tensors]
        return sum({tensor.storage: tensor.data.nbytes for tensor in tensors if tensor.data is not None}.values())

    @cached_property
    def mostly_integers(self) -> bool:
        """Whether most of what the file fixes is in 8 bits or fewer already."""
        tensors = [tensor for part in self.graph.subgraphs for tensor in part.tensors]
        sizes = {t.storage: (t.data.nbytes, BITS.get(t.dtype, 0) <= SMALL_BITS) for t in tensors if t.data is not None}
        return 2 * sum(size for size, small in sizes.values() if small) > self.constant_bytes

    def encoded_bytes(self, load: Load) -> float:
        """Of an operator's weights, as an Ethos-U takes them."""
        return self._encoded[load.place]

    @cached_property
    def _encoded(self) -> Mapping[int, float]:
        return {load.place: encoded_bytes(load, self.graph.main) for load in self.loads}

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
