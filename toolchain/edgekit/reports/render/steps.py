"""The steps of a conversion on a terminal: what each left of the network."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from edgekit.reports.render.units import figure_text, unit_for
from edgekit_converters.trail import StepResult, Trail
from edgekit_runtime.figure import Figure

MODES = "Measured: size{metric}. Predicted: MACs, latency."


def trail_table(trail: Trail, metric: str) -> Table:
    """A row for each step that was measured: the metric, MACs, parameters, size, and latency on the target.

    Args:
        trail: The steps.
        metric: What was measured on the evaluation data.
    """
    name = metric.replace("_", " ")
    known = [step.metric for step in trail.steps if step.metric is not None and step.metric.available]
    caption = MODES.format(metric=f", {name}" if known else "")
    table = Table(box=SIMPLE_HEAD, pad_edge=False, caption=caption, caption_justify="left")
    table.add_column("step", no_wrap=True)
    share = any(figure.unit == "share" for figure in known)
    for title in (f"{name}, %" if share else name, "MACs", "parameters", "bytes", "latency, ms"):
        table.add_column(title, justify="right")
    for step in trail.steps:
        if step.macs is not None:
            table.add_row(*(Text(cell) for cell in _cells(step)))
    return table


def _cells(step: StepResult) -> tuple[str, ...]:
    return (
        step.step,
        _value(step.metric),
        _count(step.macs),
        f"{step.parameters:,}",
        f"{step.size_bytes:,}",
        _latency(step),
    )


def _count(figure: Figure | None) -> str:
    return "unknown" if figure is None or figure.value is None else f"{figure.value:,.0f}"


def _value(figure: Figure | None) -> str:
    return "-" if figure is None or figure.value is None else figure_text(figure, unit_for([figure]))


def _latency(step: StepResult) -> str:
    if step.latency_range_ms is None:
        return "unknown"
    return f"{step.latency_range_ms.low:.2g} to {step.latency_range_ms.high:.2g}"
