"""edgekit.reports.render.steps: what each step left of a network, as a table."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from edgekit.reports.render.steps import trail_table
from edgekit_converters.trail import StepResult, Trail
from edgekit_runtime.figure import Figure, Interval, measured, unavailable

MACS = Figure("predicted", "MAC", 2_378_048.0, "from shapes")
RANGE = Interval(0.174, 2.71)


def shown(trail: Trail, metric: str = "accuracy") -> str:
    console = Console(file=StringIO(), width=80, color_system=None)
    console.print(trail_table(trail, metric))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def step(name: str, metric: Figure, latency_range_ms: Interval | None = RANGE) -> StepResult:
    return StepResult(name, "how", 157_912, 37_802, MACS, metric, unavailable("ns", "too short"), latency_range_ms)


def test_each_step_is_a_row_with_what_it_left():
    text = shown(Trail(1, (step("source", measured(0.972, "share", "hits", Interval(0.95, 0.98))),)))
    assert "accuracy, %" in text
    (row,) = [line for line in text.splitlines() if "source" in line]
    for cell in ("97.2", "2,378,048", "37,802", "157,912", "0.17 to 2.7"):
        assert cell in row


def test_what_is_not_known_says_so_and_errors_have_no_percent():
    error = measured(0.25, "1", "mean of squares")
    text = shown(Trail(1, (step("source", unavailable("share", "no data"), None), step("prune", error))), "mean_error")
    assert "mean error" in text
    assert "%" not in text
    (row,) = [line for line in text.splitlines() if "source" in line]
    assert "unknown" in row
    assert " - " in row


def test_nothing_is_called_measured_that_was_not():
    assert "Measured: size. Predicted" in shown(Trail(1, (step("source", unavailable("share", "no data")),)))


def test_steps_that_were_not_measured_are_left_out():
    assert "compile" not in shown(Trail(1, (StepResult("compile", "how", 3),)))
