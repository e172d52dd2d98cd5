"""A rule: a predicate on an operator, whose text is what the user reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edgekit_targets.fixes import Fix
from edgekit_targets.graph.graph import Attribute, Operator, Subgraph, Tensor
from edgekit_targets.graph.kinds import NO_MACS
from edgekit_targets.npu import Npu

WITH_MACS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED", "BATCH_MATMUL"})
RECURRENT = frozenset({"LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM", "RNN", "UNIDIRECTIONAL_SEQUENCE_RNN", "SVDF"})
VOLUMETRIC = frozenset({"CONV_3D", "CONV_3D_TRANSPOSE"})
ONNX_WITH_MACS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul", "LSTM", "GRU", "RNN", "Einsum"})
INDEXES = ("bool", "int", "uint")  # without a scale they count, select or switch
KNOWN = NO_MACS | WITH_MACS | RECURRENT | VOLUMETRIC | ONNX_WITH_MACS
"""Names of operators that a rule may speak of."""


@dataclass(frozen=True)
class Site:
    """An operator where it stands.

    Attributes:
        operator: The operator.
        subgraph: The graph around it.
        npu: The accelerator that it is to run on.
    """

    operator: Operator
    subgraph: Subgraph
    npu: Npu

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """What it reads."""
        return self.subgraph.tensors_of(self.operator.inputs)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """What it writes."""
        return self.subgraph.tensors_of(self.operator.outputs)

    @property
    def values(self) -> tuple[Tensor, ...]:
        """What it computes from and to: its tensors that the file does not fix, and no indexes."""
        computed = [tensor for tensor in (*self.inputs, *self.outputs) if tensor.data is None]
        return tuple(t for t in computed if t.quantization is not None or not t.dtype.startswith(INDEXES))

    def input(self, place: int) -> Tensor | None:
        """The input at a place; `None` where there is none."""
        places = self.operator.inputs
        found = places[place] if place < len(places) else None
        return None if found is None else self.subgraph.tensors[found]

    def attribute(self, name: str, default: Attribute = 0) -> Attribute:
        """A setting of the operator."""
        return self.operator.attributes.get(name, default)


@dataclass(frozen=True)
class Rule:
    """What an accelerator demands of some operators.

    Attributes:
        name: Its name within the family.
        operators: The operators that it concerns; empty for all.
        reason: What is demanded, as the user reads it.
        fix: What to do about an operator that does not meet it, and what that takes.
        broken: Tells whether an operator does not meet it.

    Raises:
        ValueError: It concerns an operator that does not exist.
    """

    name: str
    operators: frozenset[str]
    reason: str
    fix: Fix
    broken: Callable[[Site], bool]

    def __post_init__(self) -> None:
        unknown = sorted(self.operators - KNOWN)
        if unknown:
            raise ValueError(f"rule {self.name} is for {', '.join(unknown)}, which no format has")

    def refuses(self, site: Site) -> bool:
        """Whether it concerns an operator, and the operator does not meet it."""
        return (not self.operators or site.operator.name in self.operators) and self.broken(site)


@dataclass(frozen=True)
class Family:
    """Accelerators that share a compiler and its rules.

    Attributes:
        name: Its name, as profiles have it.
        title: What it is called.
        operators: The operators that it runs at all, with what is known of their limits beyond the rules.
        rules: What it demands of them.
        one_partition: Whether everything behind the first operator that it refuses runs on the processor.
        source: Where all this comes from.

    Raises:
        ValueError: It runs an operator that does not exist.
    """

    name: str
    title: str
    operators: Mapping[str, str]
    rules: tuple[Rule, ...]
    one_partition: bool
    source: str

    def __post_init__(self) -> None:
        unknown = sorted(self.operators.keys() - KNOWN)
        if unknown:
            raise ValueError(f"{self.title} runs {', '.join(unknown)}, which no format has")


def names(text: str) -> frozenset[str]:
    """Names of operators from a text with blanks between them."""
    return frozenset(text.split())


def without_limits(text: str) -> dict[str, str]:
    """Operators that run as they are, from a text with blanks between them."""
    return dict.fromkeys(text.split(), "")
