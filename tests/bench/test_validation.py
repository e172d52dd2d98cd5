"""The predictions keep what the project promised, and the page that says so is what the data gives."""

from __future__ import annotations

import math

import pytest
from thresholds import LEAVE_OUT, Validation
from validation import fit, sources, with_copy_bandwidth
from validation_npu import read_npu_rows
from validation_page import PAGE, page

from edgekit_targets.estimate.cores import FITTED_BANDWIDTH, core_named
from edgekit_targets.estimate.latency import EFFICIENCY, MOST_GAIN, REFILL_CYCLES
from edgekit_targets.estimate.ranges import CHECKED


@pytest.fixture(scope="module")
def validation() -> Validation:
    return Validation()


def test_every_threshold_is_met(validation):
    assert [row.what for row in validation.thresholds() if not row.met] == []


def test_the_limits_are_those_that_were_promised(validation):
    assert LEAVE_OUT == {"estimated": (1.25, 1.6), "counted": (1.15, 1.3)}
    assert (CHECKED.low, CHECKED.high) == (0.7, 1.75)
    assert {row.limit for row in validation.thresholds()} == {1.25, 1.6, 1.15, 1.3, 1.35, 0.9}


def test_the_page_is_what_the_data_gives():
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_published_row_is_predicted_and_shown(validation):
    assert len(validation.held["estimated"]) == len(validation.rows)
    text = PAGE.read_text(encoding="utf-8")
    assert all(name in text for name, (_, source) in sources().items() if "LEIP" not in name)
    assert text.count("| inside") + text.count("| OUTSIDE") == len(validation.rows) + len(read_npu_rows())


def test_only_xnnpacks_own_table_of_the_raspberry_pis_is_fitted(validation):
    assert {row.table for row in validation.fitted} == {"XNNPACK, Raspberry Pi 4", "XNNPACK, Raspberry Pi 3 B+"}
    assert len(validation.fitted) == 12


@pytest.mark.parametrize("method", LEAVE_OUT)
def test_the_constants_are_those_that_the_fitted_rows_give(validation, method):
    found = fit(with_copy_bandwidth(validation.fitted), validation.works, method)
    assert math.isclose(found.efficiency, EFFICIENCY, rel_tol=0.05)
    assert math.isclose(found.refill_cycles, REFILL_CYCLES, rel_tol=0.10)
    assert math.isclose(found.bandwidth_scale, FITTED_BANDWIDTH, rel_tol=0.10)


def test_a_table_that_sets_a_factor_is_not_held_by_it(validation):
    setting = {held.row.table for held in validation.tested("estimated", "engine")}
    assert setting == {"ncnn, Raspberry Pi 3 B+, 1 thread", "ncnn, Raspberry Pi 3 B+, 4 threads"}
    tested = validation.tested("estimated")
    assert not setting & {held.row.table for held in tested}
    assert {held.row.engine for held in tested if held.factor != 1} == {"ncnn"}


def test_every_row_of_5_ms_and_more_counts(validation):
    long = [row for row in validation.rows if row.published_ms >= 5]
    counted = [
        one for role in ("fitted", "engine", "tested", "refused") for one in validation.tested("estimated", role)
    ]
    assert len(counted) == len(long)


def test_what_is_refused_has_no_core_that_the_product_knows(validation):
    refused = {held.row.core for held in validation.tested("estimated", "refused")}
    assert refused == {"Kryo (the figures are a Cortex-A72's)"}
    assert core_named("Kryo") is None


def test_what_is_missed_is_one_board(validation):
    missed = {held.row.table.rpartition(",")[0] for held in validation.tested("estimated") if not held.narrowly}
    assert missed == {"XNNPACK by another person, Raspberry Pi 4"}


def test_the_gain_of_threads_is_held_back_to_the_most_that_was_published(validation):
    times: dict[tuple[str, str, str], dict[int, float]] = {}
    for row in validation.rows:
        board = row.table.rpartition(",")[0]
        times.setdefault((board, row.model, row.precision), {})[row.threads] = row.published_ms
    gains = [by[1] / by[4] for by in times.values() if 1 in by and 4 in by]
    assert len(gains) > 20
    assert math.isclose(max(gains), MOST_GAIN, rel_tol=0.01)
