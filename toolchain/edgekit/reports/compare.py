"""Reports side by side: ratios with intervals, and what speaks against trusting them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from edgekit.reports.metrics import COUNTED, METRICS, Metric, by_process
from edgekit.reports.report import Report
from edgekit.reports.surroundings import doubts
from edgekit_converters.evaluation import Evaluation
from edgekit_runtime.errors import ReportError
from edgekit_runtime.figure import Figure, Interval, unavailable
from edgekit_runtime.stats import ratio_interval

NO_EVALUATION = "the report holds no evaluation"

Verdict = Literal["better", "worse", "no significant difference", "equal", "unknown"]


@dataclass(frozen=True)
class Side:
    """One of the reports that are compared.

    Attributes:
        label: How it is called here.
        target: Name of its target.
        model: Name of its model.
        scheme: How its model is quantized.
        board: The board it was measured on, or the machine where no board is known.
    """

    label: str
    target: str
    model: str
    scheme: str
    board: str


@dataclass(frozen=True)
class Change:
    """A report's figure against that of the first report.

    Attributes:
        figure: Their ratio (unit `ratio`), or for a model's quality their difference.
        verdict: What the interval allows to say; `unknown` where nothing can be said.
    """

    figure: Figure
    verdict: Verdict


@dataclass(frozen=True)
class Row:
    """One metric of all reports.

    Attributes:
        metric: Its name.
        higher_is_better: Which way it is good.
        figures: The figure of each report.
        changes: Each report after the first against the first.
    """

    metric: str
    higher_is_better: bool
    figures: tuple[Figure, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Comparison:
    """Reports held against the first of them.

    Attributes:
        sides: The reports.
        rows: The metrics: the model's quality, then size, times and memory.
        warnings: Why the figures may not be comparable.
    """

    SCHEMA: ClassVar[str] = "edgekit/comparison"
    VERSION: ClassVar[int] = 1

    sides: tuple[Side, ...]
    rows: tuple[Row, ...]
    warnings: tuple[str, ...]


def compare(reports: Sequence[Report], labels: Sequence[str] = ()) -> Comparison:
    """Hold reports against the first of them.

    Times and memory are compared by the ratio of their geometric means over processes, with
    Welch's interval on the logarithms; a ratio whose interval holds 1 is no significant difference.

    Args:
        reports: Two or more.
        labels: How to call each; by default the name and scheme of its model.

    Raises:
        ReportError: There are fewer than two reports, or not as many labels.
    """
    if len(reports) < 2:
        raise ReportError(f"Reports to compare: {len(reports)}; allowed: two or more.")
    labels = labels or [f"{report.record.model.name} {report.record.model.scheme}" for report in reports]
    if len(labels) != len(reports):
        raise ReportError(f"There are {len(labels)} labels for {len(reports)} reports; allowed: one for each.")
    sides = tuple(_side(label, report) for label, report in zip(_distinct(labels), reports, strict=True))
    named = {figure.name for report in reports for figure in report.figures}
    counted = [metric for metric in COUNTED if metric.name in named]
    rows = (_quality_row(reports), *(_metric_row(metric, reports) for metric in (*METRICS, *counted)))
    return Comparison(sides, rows, doubts(reports, [side.label for side in sides]))


def _distinct(labels: Sequence[str]) -> list[str]:
    seen: list[str] = []
    for label in labels:
        earlier = labels[: len(seen)].count(label)
        seen.append(f"{label} ({earlier + 1})" if labels.count(label) > 1 else label)
    return seen


def _side(label: str, report: Report) -> Side:
    model, environment = report.record.model, report.record.environment
    board = environment.board.value or environment.cpu.value or environment.machine
    return Side(label, report.target, model.name, model.scheme, board)


def _metric_row(metric: Metric, reports: Sequence[Report]) -> Row:
    found = tuple(report.figure(metric.name) for report in reports)
    changes = tuple(_change(_ratio(metric, report, reports[0]), 1.0, higher_is_better=False) for report in reports[1:])
    return Row(metric.name, False, found, changes)


def _ratio(metric: Metric, report: Report, base: Report) -> Figure:
    figure, reference = report.figure(metric.name), base.figure(metric.name)
    if figure.value is None or reference.value is None:
        return unavailable("ratio", figure.reason or reference.reason)
    if figure.mode != reference.mode:
        return unavailable("ratio", f"one figure is {figure.mode}, the other {reference.mode}")
    method = "ratio of geometric means over processes, Welch interval on logarithms"
    of_run = metric.of_run
    if figure.mode == "predicted" and report.target == base.target:
        of_run, method = metric.predicted_from, f"{method}; the error of the target's model cancels"
    if of_run is None:
        return _ratio_of_figures(figure, reference)
    try:
        ratio, interval = ratio_interval(by_process(of_run, report.record), by_process(of_run, base.record))
    except ValueError as error:
        return unavailable("ratio", str(error))
    return Figure(figure.mode, "ratio", ratio, method, interval)


def _ratio_of_figures(figure: Figure, base: Figure) -> Figure:
    """The ratio of two figures without values by process, its interval combined from theirs on the logarithms."""
    assert figure.value is not None
    assert base.value is not None
    if base.value == figure.value == 0:
        return Figure(figure.mode, "ratio", 1.0, "both figures are 0")
    if base.value == 0:
        return unavailable("ratio", "the first report's figure is 0")
    ratio = figure.value / base.value
    if figure.interval is None or base.interval is None:
        return Figure(figure.mode, "ratio", ratio, "ratio of exact values")
    if min(figure.interval.low, base.interval.low) <= 0:
        return unavailable("ratio", "the interval of a figure reaches down to 0")
    down = math.hypot(math.log(figure.value / figure.interval.low), math.log(base.interval.high / base.value))
    up = math.hypot(math.log(figure.interval.high / figure.value), math.log(base.value / base.interval.low))
    interval = Interval(ratio * math.exp(-down), ratio * math.exp(up), figure.interval.confidence)
    method = "ratio of the two figures, Newcombe interval on logarithms"
    return Figure(figure.mode, "ratio", ratio, method, interval)


def _quality_row(reports: Sequence[Report]) -> Row:
    evaluations = [report.evaluation for report in reports]
    first = next((evaluation for evaluation in evaluations if evaluation is not None), None)
    names = [evaluation.metric for evaluation in evaluations if evaluation is not None]
    metric = "accuracy" if first is None or first.metric == "none" else first.metric
    higher = first is None or first.higher_is_better
    figures = tuple(unavailable("share", NO_EVALUATION) if e is None else e.exported for e in evaluations)
    if len(set(names)) > 1:
        differences = [unavailable("share", f"the metrics differ: {', '.join(names)}")] * (len(reports) - 1)
    else:
        differences = [_difference(evaluation, evaluations[0]) for evaluation in evaluations[1:]]
    return Row(metric, higher, figures, tuple(_change(d, 0.0, higher_is_better=higher) for d in differences))


def _difference(evaluation: Evaluation | None, base: Evaluation | None) -> Figure:
    if evaluation is None or base is None:
        return unavailable("share", NO_EVALUATION)
    same_samples = evaluation.data_sha256 == base.data_sha256 and evaluation.source == base.source
    if same_samples and evaluation.change.available and base.change.available:
        # Each change is paired with the same source on the same samples, and so narrower than the figure itself.
        return _subtract(evaluation.change, base.change, "difference of the paired changes against one source")
    return _subtract(evaluation.exported, base.exported, "difference of the two figures, unpaired")


def _subtract(figure: Figure, base: Figure, method: str) -> Figure:
    """The difference of two figures, its interval combined from theirs.

    Each end takes the distances that move it that way, in root sum of squares: Newcombe, "Interval
    estimation for the difference between independent proportions", 1998, method 10.
    """
    if figure.value is None or base.value is None:
        return unavailable(figure.unit, figure.reason or base.reason)
    difference = figure.value - base.value
    if figure.interval is None or base.interval is None:
        return Figure(figure.mode, figure.unit, difference, method)
    down = math.hypot(figure.value - figure.interval.low, base.interval.high - base.value)
    up = math.hypot(figure.interval.high - figure.value, base.value - base.interval.low)
    interval = Interval(difference - down, difference + up, figure.interval.confidence)
    return Figure(figure.mode, figure.unit, difference, f"{method}, Newcombe interval", interval)


def _change(figure: Figure, neutral: float, *, higher_is_better: bool) -> Change:
    if figure.value is None:
        return Change(figure, "unknown")
    if figure.interval is None:
        # Sizes are exact; a quality without an interval says nothing of what other samples would give.
        if figure.unit != "ratio":
            return Change(figure, "unknown")
        if figure.value == neutral:
            return Change(figure, "equal")
    elif figure.interval.low <= neutral <= figure.interval.high:
        return Change(figure, "no significant difference")
    return Change(figure, "better" if (figure.value > neutral) == higher_is_better else "worse")
