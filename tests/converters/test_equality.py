"""edgekit_converters.equality: how far an exported file lies from its source."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgekit_converters.equality import FLOAT_LIMIT, compare_outputs, max_error, no_numbers, parted

FINITE = arrays(np.float32, (3, 4), elements=st.floats(-1e6, 1e6, width=32))


@given(FINITE)
def test_equal_values_have_no_error(values):
    assert max_error(values, values.copy()) == 0


@given(FINITE, st.floats(1e-6, 1), st.integers(0, 11))
def test_the_error_is_a_share_of_the_largest_value(values, share, place):
    scale = float(np.max(np.abs(values))) or 1.0
    found = values.astype(np.float64)
    found.flat[place] += share * scale
    assert max_error(values, found) == pytest.approx(share, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ([1.0, math.nan], [1.0, 2.0]),
        ([1.0, 2.0], [1.0, math.inf]),
        ([1.0, math.inf], [1.0, -math.inf]),
        ([1.0, 2.0], [[1.0, 2.0]]),
    ],
)
def test_what_cannot_be_compared_is_infinitely_far(wanted, found):
    assert max_error(np.array(wanted), np.array(found)) == math.inf


def test_nan_and_infinity_at_the_same_places_are_equal():
    values = np.array([1.0, math.nan, math.inf])
    assert max_error(values, values.copy()) == 0


def test_each_output_tells_error_noise_and_agreement():
    source = {"scores": np.eye(4, dtype=np.float32), "boxes": np.ones((4, 2, 2), np.float32)}
    exported = {"scores": np.eye(4, dtype=np.float32)[[0, 1, 2, 2]], "boxes": np.full((4, 2, 2), 1.00001, np.float32)}
    scores, boxes = compare_outputs("export", source, exported).outputs
    assert scores.agreement is not None
    assert (scores.name, scores.max_error.value, scores.agreement.value) == ("scores", 1.0, 0.75)
    assert boxes.agreement is None
    assert boxes.sqnr_db.value == pytest.approx(100, abs=0.5)


def test_only_outputs_beyond_the_limit_are_parted():
    ones = np.ones((2, 3), np.float32)
    step = compare_outputs(
        "export",
        {"a": ones, "b": ones, "c": ones},
        {"a": ones, "b": ones * (1 + 3 * FLOAT_LIMIT), "c": ones * math.nan},
    )
    assert [one.name for one in parted(step)] == ["b", "c"]


def test_an_output_without_values_is_equal_and_no_class():
    nothing = np.zeros((4, 0), np.float32)
    (output,) = compare_outputs("export", {"none": nothing}, {"none": nothing}).outputs
    assert (output.max_error.value, output.agreement) == (0, None)


def test_nan_is_no_number_and_infinity_only_where_there_is_nothing_else():
    masked = np.array([[1.0, -math.inf], [2.0, -math.inf]], np.float32)
    outputs = {
        "scores": masked,
        "lost": np.array([[1.0, math.nan]], np.float32),
        "overflown": np.full((2, 2), math.inf, np.float32),
        "classes": np.array([3]),
        "nothing": np.empty((4, 0), np.float32),
    }
    assert no_numbers(outputs) == ("output lost has NaN", "output overflown is infinite throughout")
