"""What a check finds, and what it says of the whole model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal

from edgekit_runtime.figure import Figure, unavailable
from edgekit_targets.fixes import Need
from edgekit_targets.graph.graph import Subgraph

NOT_COMPLETE = "not checked operator by operator"
Severity = Literal["error", "warning"]
"""How bad a finding is: with an `error` the model does not fit; a `warning` costs time or memory."""


@dataclass(frozen=True)
class Place:
    """An operator of the model.

    Attributes:
        operator: Its index among the main graph's operators.
        name: What it does.
        tensor: Name of its first output.
    """

    operator: int
    name: str
    tensor: str

    @classmethod
    def of(cls, graph: Subgraph, index: int) -> Place:
        """An operator of a graph."""
        operator = graph.operators[index]
        tensors = graph.tensors_of(operator.outputs) or graph.tensors_of(operator.inputs)
        return cls(index, operator.name, tensors[0].name if tensors else "")


@dataclass(frozen=True)
class Finding:
    """A demand of the target that the model does not meet.

    Attributes:
        severity: How bad it is.
        rule: Name of the demand.
        reason: What is demanded, and what was found instead.
        fix: What to do.
        needs: What that takes.
        places: The operators that it is about; none where it is the whole model.
        macs: Multiply-accumulates that run on the processor, or slowly, by this finding alone.
        partitions: Into how many parts the accelerator's work falls by this finding alone.
        link: Bytes that cross between processor and accelerator in an inference by this finding alone.
    """

    severity: Severity
    rule: str
    reason: str
    fix: str
    needs: Need
    places: tuple[Place, ...]
    macs: Figure
    partitions: Figure
    link: Figure


@dataclass(frozen=True)
class Placement:
    """Which part of a model runs on the accelerator, all findings together.

    Attributes:
        operators: Operators of the main graph that run there.
        macs: Their multiply-accumulates.
        partitions: Into how many parts they fall, with the processor's work between them.
        link: Bytes that cross between processor and accelerator in an inference.
        first_refused: The first operator that does not run there; `None` where all do.
        complete: Whether it is known of every operator; else more may be refused than the rules know.
        left: The operators that run on the processor.
    """

    operators: Figure
    macs: Figure
    partitions: Figure
    link: Figure
    first_refused: Place | None
    complete: bool = True
    left: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Check:
    """What speaks against a model on a target.

    Attributes:
        model: Where it lies, as the user named it.
        target: Name of the target.
        rules: Where the demands come from.
        fits: Whether nothing found is an error.
        operators: How many operators the main graph has.
        macs: Their multiply-accumulates, each graph run once.
        placement: What runs on the accelerator; `None` for a target without one.
        findings: What was found, the most costly first.
        notes: What a reader must know.
    """

    SCHEMA: ClassVar[str] = "edgekit/check"
    VERSION: ClassVar[int] = 1

    model: str
    target: str
    rules: str
    fits: bool
    operators: Figure
    macs: Figure
    placement: Placement | None
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()


def ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors first, then what costs most, then what comes first."""
    return tuple(sorted(findings, key=_rank))


def _rank(finding: Finding) -> tuple[bool, float, float, int]:
    first = finding.places[0].operator if finding.places else -1
    return finding.severity != "error", -(finding.macs.value or 0), -(finding.link.value or 0), first


def predicted(value: float, unit: str, method: str) -> Figure:
    """A figure that follows from rules and shapes."""
    return Figure("predicted", unit, float(value), method)


def no_accelerator(unit: str) -> Figure:
    """A figure of an accelerator, in a finding about the processor."""
    return unavailable(unit, "the finding is about the processor")
