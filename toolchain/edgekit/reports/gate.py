"""A condition on a comparison that a pipeline can fail on, such as `latency_p50 > 1.05x`."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from edgekit.reports.compare import Comparison, Side
from edgekit.reports.metrics import COUNTED, METRICS
from edgekit_runtime.errors import ReportError
from edgekit_runtime.figure import Figure

Outcome = Literal["passed", "undecided", "failed"]

_FORM = re.compile(r"\s*(?P<metric>[a-z]\w*)\s*(?P<sign>[<>])\s*(?P<factor>\d+(\.\d+)?)\s*x\s*", re.ASCII)
_METRICS = tuple(metric.name for metric in (*METRICS, *COUNTED))
_RANK: tuple[Outcome, ...] = ("passed", "undecided", "failed")


@dataclass(frozen=True)
class Gate:
    """Fail when a metric's ratio to the first report lies beyond a factor.

    Attributes:
        metric: The metric.
        sign: `>`: fail above the factor; `<`: fail below it.
        factor: The factor.
    """

    metric: str
    sign: Literal[">", "<"]
    factor: float

    def __str__(self) -> str:
        return f"{self.metric} {self.sign} {self.factor:g}x"


@dataclass(frozen=True)
class Judgement:
    """What a gate says of one report.

    Attributes:
        label: The report.
        outcome: `failed`: the whole interval of the ratio lies beyond; `undecided`: it straddles
            the factor; `passed` otherwise.
        reason: The ratio, or why there is none.
    """

    label: str
    outcome: Outcome
    reason: str


@dataclass(frozen=True)
class GateResult:
    """What a gate says of a comparison.

    Attributes:
        condition: The gate, as text.
        outcome: The worst of the judgements.
        judgements: One for each report after the first.
    """

    condition: str
    outcome: Outcome
    judgements: tuple[Judgement, ...]


def parse_gate(condition: str) -> Gate:
    """Read a condition of the form `METRIC > NUMBERx` or `METRIC < NUMBERx`.

    Raises:
        ReportError: It has another form, or names another metric.
    """
    match = _FORM.fullmatch(condition)
    form = f"allowed: METRIC > NUMBERx or METRIC < NUMBERx, where METRIC is one of {', '.join(_METRICS)}."
    hint = "For example: latency_p50 > 1.05x"
    if match is None:
        raise ReportError(f"The condition {condition!r} cannot be read; {form}", hint=hint)
    if match["metric"] not in _METRICS:
        raise ReportError(f"The condition {condition!r} names no metric of a report; {form}", hint=hint)
    factor = float(match["factor"])
    if not 0 < factor < math.inf:
        raise ReportError(f"The condition {condition!r} has the factor {factor:g}; allowed: more than 0.", hint=hint)
    return Gate(match["metric"], ">" if match["sign"] == ">" else "<", factor)


def judge(gate: Gate, comparison: Comparison) -> GateResult:
    """Hold every report after the first against a gate; the worst outcome counts.

    Raises:
        ReportError: The metric is one that is only counted, and no report has it.
    """
    row = next((row for row in comparison.rows if row.metric == gate.metric), None)
    if row is None:
        hint = "Count them: edgekit bench MODEL --device emulated://raspberry-pi-5"
        raise ReportError(f"The condition {str(gate)!r} is on {gate.metric}, which no report has.", hint=hint)
    pairs = zip(comparison.sides[1:], row.changes, strict=True)
    judgements = tuple(_judge_side(gate, side, change.figure) for side, change in pairs)
    worst = max((judgement.outcome for judgement in judgements), key=_RANK.index)
    return GateResult(str(gate), worst, judgements)


def _judge_side(gate: Gate, side: Side, ratio: Figure) -> Judgement:
    if ratio.value is None:
        return Judgement(side.label, "failed", f"there is no ratio: {ratio.reason}")
    low, high = (ratio.interval.low, ratio.interval.high) if ratio.interval else (ratio.value, ratio.value)
    shown = f"{ratio.value:.4g}x" + (f", interval {low:.4g}x to {high:.4g}x" if ratio.interval else ", exact")
    wholly, partly = (low, high) if gate.sign == ">" else (-high, -low)
    limit = gate.factor if gate.sign == ">" else -gate.factor
    if wholly > limit:
        return Judgement(side.label, "failed", shown)
    if partly > limit:
        return Judgement(side.label, "undecided", f"{shown}, on both sides of {gate.factor:g}x")
    return Judgement(side.label, "passed", shown)
