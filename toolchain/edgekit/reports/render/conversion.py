"""Plans and converted bundles on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgekit.pipeline.convert import Converted
from edgekit.pipeline.plan import Plan
from edgekit.reports.render.units import plain, unit_for
from edgekit_converters.evaluation import Evaluation
from edgekit_runtime.figure import Figure, Interval


def print_plan(plan: Plan, console: Console) -> None:
    """Show every choice of a plan with its reason."""
    console.print(Text(f"Plan: {plan.request.model} for {plan.target.profile.name}", style="bold"))
    table = _grid(2)
    for choice in plan.choices:
        table.add_row(Text(choice.what), Text(choice.value, style="bold"))
        table.add_row("", Text(choice.reason))
    console.print(table)


def print_converted(converted: Converted, console: Console) -> None:
    """Show what a conversion gave."""
    manifest = converted.manifest
    title = f"{converted.path}: {manifest.scheme} {manifest.format} for {manifest.origin.target}"
    console.print(Text(title, style="bold"))
    table = _grid(2)
    for what, text in [_size_row(converted), *_evaluation_rows(converted.evaluation)]:
        table.add_row(Text(what), Text(text))
    table.add_row(Text("digest"), Text(converted.digest[:16]))
    console.print(table)
    for warning in converted.warnings:
        console.print(Text(f"warning: {warning}", style="yellow"))
    console.print(Text(f"Next: edgekit bench {converted.path} -o report.json"))


def _grid(columns: int) -> Table:
    table = Table.grid(padding=(0, 2))
    for column in range(columns):
        table.add_column(no_wrap=column == 0, overflow="fold")
    return table


def _size_row(converted: Converted) -> tuple[str, str]:
    size = f"{converted.model_size_bytes:,} bytes"
    if converted.manifest.scheme == "float32":
        return "size", size
    ratio = converted.float_size_bytes / converted.model_size_bytes
    return "size", f"{size}, {ratio:.1f} times smaller than float32 ({converted.float_size_bytes:,})"


def _evaluation_rows(evaluation: Evaluation | None) -> list[tuple[str, str]]:
    if evaluation is None:
        return [("accuracy", "unknown: no evaluation data was given (--evaluate)")]
    rows = _metric_rows(evaluation)
    if evaluation.agreement is not None and evaluation.flips is not None:
        flips = evaluation.flips
        detail = "" if flips.lost is None else f": {flips.lost} lost, {flips.gained} gained"
        agreement = _with_range(evaluation.agreement)
        rows.append(("agreement", f"{agreement} with the source; {flips.total} answers flipped{detail}"))
    rows.append(("SQNR", _value(evaluation.sqnr_db)))
    rows.append(("measured", f"on {evaluation.samples} samples, here, {evaluation.interpreter}; intervals 95 %"))
    return rows


def _metric_rows(evaluation: Evaluation) -> list[tuple[str, str]]:
    if evaluation.metric == "none":
        return []
    name = evaluation.metric.replace("_", " ")
    exported, source = _with_range(evaluation.exported), _value(evaluation.source)
    return [(name, f"{exported}; the source model {source}"), ("change", _change(evaluation))]


def _change(evaluation: Evaluation) -> str:
    change = evaluation.change
    if change.value is None:
        return change.reason
    if change.unit == "share":
        text = f"{100 * change.value:+.1f} points"
        return text + (f" ({_signed(change.interval, 100)})" if change.interval else "")
    text = f"{change.value:+.3g}"
    if evaluation.source.value:
        text += f", {1 + change.value / evaluation.source.value:.3f} times the source's"
    return text + (f" ({_signed(change.interval, 1)})" if change.interval else "")


def _signed(interval: Interval, factor: float) -> str:
    return f"{factor * interval.low:+.2g} to {factor * interval.high:+.2g}"


def _with_range(figure: Figure) -> str:
    if figure.interval is None or figure.value is None:
        return _value(figure)
    if figure.unit == "share":
        low, high = 100 * figure.interval.low, 100 * figure.interval.high
        return f"{_value(figure)} ({low:.1f} to {high:.1f})"
    unit = unit_for([figure])
    low, high = figure.interval.low / unit.size, figure.interval.high / unit.size
    return f"{_value(figure)} ({plain(low)} to {plain(high)})"


def _value(figure: Figure) -> str:
    if figure.value is None:
        return f"unavailable: {figure.reason}"
    if figure.unit == "share":
        return f"{100 * figure.value:.1f} %"
    unit = unit_for([figure])
    return f"{plain(figure.value / unit.size)} {unit.name}".removesuffix(" squared error")
