"""edgekit.reports.render.estimate_table: every target in one table, with what a fix takes and the cost with it."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

import edgekit
from edgekit.estimating import Estimates
from edgekit.reports.render.estimate import print_estimate
from edgekit.reports.render.estimate_table import print_targets
from edgekit_runtime.figure import Figure, Interval
from tests.claims import forbidden_claims

WIDTH = 80
FLOAT, INT8 = "mlperf-tiny/vww_96_float.tflite", "mlperf-tiny/vww_96_int8.tflite"
LARGE = "tflite-support/mobilenet_v1_0.25_224_1_default_1.tflite"


def shown(found: Estimates, render=print_targets) -> list[str]:
    out = StringIO()
    render(found, Console(file=out, width=WIDTH, highlight=False))
    return out.getvalue().splitlines()


def table(found: Estimates) -> dict[str, str]:
    """The rows of the table, its head among them, by their first word."""
    lines = shown(found)
    begin = lines.index("") + 1
    return {line.split()[0]: line for line in lines[begin : lines.index("", begin)]}


def estimates(model: Path) -> Estimates:
    return edgekit.estimate(model, target="all")


@pytest.mark.parametrize("model", [FLOAT, INT8, LARGE])
def test_every_target_has_one_line(assets, model):
    found = estimates(assets / model)
    rows = table(found)
    assert list(rows) == ["target", *(row.target for row in found.estimates)]
    assert rows["target"].split() == ["target", "fits", "price", "latency", "memory"]
    assert max(map(len, rows.values())) <= WIDTH
    assert not forbidden_claims(" ".join(shown(found)))


def test_a_row_that_does_not_fit_tells_price_and_cost_with_the_fix(assets):
    rows = table(estimates(assets / FLOAT))
    assert "samples then" in " ".join(rows["coral-dev-board"].split())
    assert "vendor" in rows["imx-neutron"]
    assert "then" not in rows["imx-neutron"]
    assert "figure" in rows["cortex-a55"]
    assert rows["raspberry-pi-4b"].split()[1] == "fits"


def test_the_note_of_a_fix_tells_its_price_in_full_and_how_accuracy_is_known(assets):
    text = " ".join(" ".join(shown(estimates(assets / LARGE))).split())
    assert "--calibrate DATA. Price: samples of real inputs, without labels; then it fits." in text
    assert "what it costs then is not known: it shows only once it is done" in text
    assert "What accuracy it costs, `edgekit convert` measures." in text


def test_no_row_with_energy_is_one_line_beneath(assets):
    found = estimates(assets / LARGE)
    assert "Energy is told of none" in " ".join(shown(found))
    energy = Figure("predicted", "µJ", 1000.0, "made up", Interval(900.0, 1100.0, 0.5))
    lines = shown(replace(found, estimates=(replace(found.estimates[0], energy=energy),)))
    assert "energy" in lines[lines.index("") + 1]
    assert "0.9 to 1.1 mJ" in " ".join(lines)
    assert "Energy is told of none" not in " ".join(lines)


def test_the_page_of_one_target_tells_the_price_beneath_the_fit(assets):
    lines = shown(edgekit.estimate(assets / LARGE, target="coral-dev-board"), print_estimate)
    text = " ".join(" ".join(lines).split())
    assert "price samples of real inputs, without labels; then it fits; predicted:" in text
    assert "a process of " in text
    assert "What accuracy it costs, `edgekit convert` measures." in text


def test_a_page_of_what_is_unknown_tells_what_would_tell(assets):
    lines = shown(edgekit.estimate(assets / LARGE, target="hailo-8"), print_estimate)
    assert "price the maker's own tool" in " ".join(" ".join(lines).split())
