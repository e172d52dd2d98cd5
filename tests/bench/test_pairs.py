"""Pairs: their order, their statistics, and the verdicts that follow."""

from collections.abc import Sequence

import pytest
from figures import Row, Target, skipped
from hypothesis import given
from hypothesis import strategies as st
from pairs import (
    Pair,
    difference_row,
    geometric_mean_ratio,
    interleave,
    mean_ratio_row,
    median_difference,
    median_ratio,
    ratio_row,
)
from render import render_row

positive = st.floats(1e-6, 1e6)
many_pairs = st.lists(st.builds(Pair, positive, positive), min_size=1, max_size=20)


def test_every_second_pair_begins_with_the_other_side() -> None:
    order: list[str] = []

    def side(name: str) -> str:
        order.append(name)
        return name

    pairs = interleave(lambda: side("a"), lambda: side("b"), 3)
    assert pairs == (("a", "b"),) * 3
    assert order == ["a", "b", "b", "a", "a", "b"]


@given(many_pairs)
def test_exchanged_sides_give_the_inverse_mean_and_the_opposite_difference(pairs: Sequence[Pair]) -> None:
    exchanged = [Pair(pair.beside, pair.edgekit) for pair in pairs]
    assert geometric_mean_ratio(exchanged) == pytest.approx(1 / geometric_mean_ratio(pairs), rel=1e-9)
    assert median_difference(exchanged) == -median_difference(pairs)


@given(many_pairs)
def test_means_and_medians_of_ratios_lie_among_the_ratios(pairs: Sequence[Pair]) -> None:
    ratios = [pair.edgekit / pair.beside for pair in pairs]
    for found in (median_ratio(pairs), geometric_mean_ratio(pairs)):
        assert min(ratios) * (1 - 1e-9) <= found <= max(ratios) * (1 + 1e-9)


def test_the_ratio_is_taken_pair_by_pair_not_of_the_medians() -> None:
    slow_machine_in_the_second_pair = [Pair(1, 2), Pair(10, 20), Pair(2, 4)]
    row = ratio_row("time", "s", slow_machine_in_the_second_pair, Target(0.6))
    assert row.compared is not None
    assert row.compared.value == 0.5
    assert (row.edgekit.value, row.beside and row.beside.value, row.pairs) == (2, 4, 3)


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (ratio_row("time", "s", [Pair(1.3, 1.0)], Target(1.3)), "met"),
        (ratio_row("time", "s", [Pair(1.4, 1.0)], Target(1.3)), "MISSED"),
        (ratio_row("time", "s", [Pair(1.4, 1.0)], None), ""),
        (mean_ratio_row("latency", "ms", [Pair(0.9, 1.0)], Target(1.03, 0.97)), "MISSED"),
        (difference_row("latency", "ms", [Pair(1.0, 1.005)], Target(0.01, -0.01)), "met"),
        (skipped("latency", "ms", Target(0.01, -0.01), "no model"), "not measured"),
    ],
)
def test_a_verdict_follows_from_the_target_and_is_shown(row: Row, verdict: str) -> None:
    assert row.verdict == verdict
    assert f"| {verdict} |" in render_row(row)


def test_every_number_of_a_row_says_that_it_was_measured() -> None:
    row = difference_row("peak memory", "MB", [Pair(52.0, 50.0)], Target(8))
    assert render_row(row) == (
        "| peak memory | 52 MB | 50 MB | +2 MB | at most 8 MB | met | 1 "
        "| measured, median; median of the pairs' differences |"
    )
