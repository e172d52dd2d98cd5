"""What a model's outputs are worth beside its source's, as rows of a table."""

from __future__ import annotations

from edgekit.reports.render.units import difference_text, plain, unit_for
from edgekit_converters.evaluation import Evaluation
from edgekit_runtime.figure import Figure


def quality_rows(evaluation: Evaluation | None) -> list[tuple[str, str]]:
    """Label and text of each row: the metric, its change, the answers that flipped, the noise, and how it was found."""
    if evaluation is None:
        return [("accuracy", "unknown: no evaluation data was given at conversion (--evaluate)")]
    rows = _metric_rows(evaluation)
    if evaluation.agreement is not None:
        rows.append(("agreement", _agreement(evaluation, evaluation.agreement)))
    rows.append(("SQNR", _value(evaluation.sqnr_db)))
    found = f"{evaluation.samples} samples at conversion, {evaluation.interpreter}; intervals 95 %"
    rows.append((evaluation.sqnr_db.mode if evaluation.sqnr_db.available else "measured", f"on {found}"))
    return rows


def _metric_rows(evaluation: Evaluation) -> list[tuple[str, str]]:
    if not evaluation.exported.available:
        return [("accuracy", f"unknown: {evaluation.exported.reason}")]
    name = evaluation.metric.replace("_", " ")
    exported, source = _with_range(evaluation.exported), _value(evaluation.source)
    return [(name, f"{exported}; the source model {source}"), ("change", _change(evaluation))]


def _agreement(evaluation: Evaluation, agreement: Figure) -> str:
    text, flips = f"{_with_range(agreement)} with the source", evaluation.flips
    if flips is None:
        return text
    if flips.total == 0:
        return f"{text}; no answer flipped"
    detail = "" if flips.lost is None else f": {flips.lost} lost, {flips.gained} gained"
    return f"{text}; {flips.total} answers flipped{detail}"


def _change(evaluation: Evaluation) -> str:
    change = evaluation.change
    if change.value is None:
        return f"unknown: {change.reason}"
    unit = unit_for([change])
    value, ends = difference_text(change.value, change.interval, unit)
    text = f"{value} points" if change.unit == "share" else value
    if change.unit != "share" and evaluation.source.value:
        text += f", {1 + change.value / evaluation.source.value:.3f} times the source's"
    return text + (f" ({ends})" if ends else "")


def _with_range(figure: Figure) -> str:
    if figure.interval is None or figure.value is None:
        return _value(figure)
    low, high = figure.interval.low, figure.interval.high
    if figure.unit == "share":
        return f"{_value(figure)} ({100 * low:.1f} to {100 * high:.1f})"
    unit = unit_for([figure])
    return f"{_value(figure)} ({plain(low / unit.size)} to {plain(high / unit.size)})"


def _value(figure: Figure) -> str:
    if figure.value is None:
        return f"unavailable: {figure.reason}"
    if figure.unit == "share":
        return f"{100 * figure.value:.1f} %"
    unit = unit_for([figure])
    return f"{plain(figure.value / unit.size)} {unit.name}".removesuffix(" squared error")
