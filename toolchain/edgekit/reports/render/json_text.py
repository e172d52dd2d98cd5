"""Comparisons as JSON, for machines."""

from __future__ import annotations

from dataclasses import dataclass

from edgekit.reports.compare import Comparison
from edgekit.reports.gate import GateResult
from edgekit_runtime.codec import dumps_document


@dataclass(frozen=True)
class ComparisonDocument(Comparison):
    """A comparison, and what a gate says of it.

    Attributes:
        gate: What it says; `None` where there is none.
    """

    gate: GateResult | None


def comparison_json(comparison: Comparison, gate: GateResult | None = None) -> str:
    """A comparison as a JSON document, with what a gate says of it; `gate` is null where there is none."""
    return dumps_document(ComparisonDocument(comparison.sides, comparison.rows, comparison.warnings, gate))
