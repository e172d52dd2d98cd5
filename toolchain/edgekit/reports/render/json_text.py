"""Comparisons as JSON, for machines."""

from __future__ import annotations

from edgekit.reports.compare import Comparison
from edgekit.reports.gate import GateResult
from edgekit_runtime.codec import dumps, encode


def comparison_json(comparison: Comparison, gate: GateResult | None = None) -> str:
    """A comparison as a JSON document, with what a gate says of it; `gate` is null where there is none."""
    tree = {**encode(comparison), "gate": encode(gate)}
    return dumps(tree, schema=Comparison.SCHEMA, version=Comparison.VERSION)
