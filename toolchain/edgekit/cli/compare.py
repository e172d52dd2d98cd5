"""`edgekit compare`: reports against each other, and a gate on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

GATE_FAILED = 1


@click.command()
@click.argument("reports", nargs=-1, required=True, metavar="REPORT REPORT...", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the result for machines.")
@click.option("--markdown", is_flag=True, help="Print the result as a table for a pull request.")
@click.option("--fail-if", metavar="COND", help="End with status 1 if it holds, such as 'latency_p50 > 1.05x'.")
@click.pass_context
def compare(ctx: click.Context, reports: tuple[Path, ...], as_json: bool, markdown: bool, fail_if: str | None) -> None:
    """Hold reports against the first of them.

    Each figure comes as a ratio to the first report with a 95 % interval, or as no significant
    difference. COND fails only when the whole interval lies beyond its factor, or when there is
    no ratio to judge.
    """
    from edgekit.reports.compare import compare as hold_against
    from edgekit.reports.gate import judge, parse_gate
    from edgekit.reports.report import read_report

    if as_json and markdown:
        raise click.UsageError("--json and --markdown exclude each other.")
    gate = parse_gate(fail_if) if fail_if is not None else None
    comparison = hold_against([read_report(path) for path in reports], _labels(reports))
    result = judge(gate, comparison) if gate is not None else None
    if as_json:
        from edgekit.reports.render.json_text import comparison_json

        click.echo(comparison_json(comparison, result), nl=False)
    elif markdown:
        from edgekit.reports.render.markdown import comparison_markdown

        click.echo(comparison_markdown(comparison, result), nl=False)
    else:
        from rich.console import Console

        from edgekit.reports.render.terminal import print_comparison

        print_comparison(comparison, Console(), result)
    if result is not None and result.outcome == "failed":
        ctx.exit(GATE_FAILED)


def _labels(paths: Sequence[Path]) -> list[str]:
    """The files' names without ending where they differ, else their paths."""
    stems = [path.stem for path in paths]
    return stems if len(set(stems)) == len(stems) else [str(path) for path in paths]
