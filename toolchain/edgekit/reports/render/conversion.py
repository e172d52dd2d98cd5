"""Plans and converted bundles on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgekit.pipeline.convert import Converted
from edgekit.pipeline.plan import Plan
from edgekit.reports.render.compilation import compilation_rows
from edgekit.reports.render.quality import quality_rows
from edgekit.reports.render.steps import trail_table
from edgekit_converters.settings import UNCHANGED

LEAST_RATIO = 1.05  # below, two sizes are told as alike


def print_plan(plan: Plan, console: Console) -> None:
    """Show every choice of a plan with its reason."""
    console.print(Text(f"Plan: {plan.model} for {plan.target.profile.name}", style="bold"))
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
    rows = [
        _size_row(converted),
        *quality_rows(converted.evaluation),
        *_equality_rows(converted),
        *compilation_rows(converted.compilation),
    ]
    for what, text in rows:
        table.add_row(Text(what), Text(text))
    table.add_row(Text("digest"), Text(converted.digest[:16]))
    console.print(table)
    if converted.trail is not None:
        metric = "accuracy" if converted.evaluation is None else converted.evaluation.metric
        console.print(trail_table(converted.trail, metric))
    for warning in converted.warnings:
        console.print(Text(f"warning: {warning}", style="yellow"))
    console.print(Text(_next(converted)))


def _next(converted: Converted) -> str:
    if converted.benchable:
        return f"Next: edgekit bench {converted.path} -o report.json"
    return f"Next: edgekit check {converted.path} --target {converted.manifest.origin.target}"


def _equality_rows(converted: Converted) -> list[tuple[str, str]]:
    """How far the float export lies from its source: proof that what follows is quantization's doing."""
    export = converted.equality.steps[0]
    errors = [one.max_error.value for one in export.outputs if one.max_error.value is not None]
    how = f"within {max(errors):.1g} of the source's largest value" if any(errors) else "equal to the source"
    return [("export", f"{how}, measured on {converted.equality.samples} {converted.equality.data} samples")]


def _grid(columns: int) -> Table:
    table = Table.grid(padding=(0, 2))
    for column in range(columns):
        table.add_column(no_wrap=column == 0, overflow="fold")
    return table


def _size_row(converted: Converted) -> tuple[str, str]:
    size = f"{converted.model_size_bytes:,} bytes"
    if converted.manifest.scheme == "float32":
        return "size", size
    if converted.manifest.scheme == UNCHANGED:
        return "size", f"{size}, as it was"
    return "size", f"{size}, {_beside(converted)} float32 ({converted.float_size_bytes:,})"


def _beside(converted: Converted) -> str:
    ratio = converted.float_size_bytes / converted.model_size_bytes
    if 1 / LEAST_RATIO < ratio < LEAST_RATIO:
        return "about as large as"
    return f"{ratio:.1f} times smaller than" if ratio > 1 else f"{1 / ratio:.1f} times larger than"
