"""edgekit_runtime.figure: a number never stands without its origin, and is never silently missing."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_runtime.codec import decode, encode
from edgekit_runtime.figure import MODES, Figure, Interval, measured, unavailable

numbers = st.one_of(st.none(), st.floats(), st.just(0.0))
texts = st.sampled_from(["", "method", "reason"])
intervals = st.one_of(st.none(), st.just(Interval(1.0, 2.0)))


@given(st.sampled_from(MODES), numbers, texts, intervals, texts)
def test_a_figure_has_either_a_value_with_its_method_or_a_reason(mode, value, method, interval, reason):
    try:
        figure = Figure(mode, "ns", value, method, interval, reason)
    except ValueError:
        return
    if figure.available:
        assert figure.value is not None
        assert math.isfinite(figure.value)
        assert figure.mode != "unavailable"
        assert figure.method
        assert not figure.reason
    else:
        assert figure.mode == "unavailable"
        assert figure.reason
        assert (figure.value, figure.method, figure.interval) == (None, "", None)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_measured_figure_survives_json(value):
    figure = measured(value, "ns", "median of 5 processes", Interval(min(value, 0.0), max(value, 0.0)))
    assert decode(Figure, encode(figure)) == figure


def test_an_unavailable_figure_survives_json():
    figure = unavailable("byte", "this system does not tell it")
    assert not figure.available
    assert decode(Figure, encode(figure)) == figure


def test_a_whole_number_becomes_a_float():
    assert isinstance(measured(5, "byte", "file length").value, float)


def test_an_unknown_mode_is_refused_with_those_allowed():
    with pytest.raises(ValueError, match="'guessed'; allowed: measured, simulated, predicted, unavailable"):
        Figure("guessed", "ns", 1.0, "a hunch")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_no_number_is_refused(value):
    with pytest.raises(ValueError, match="finite"):
        measured(value, "ns", "median")


@given(st.floats(), st.floats())
def test_an_interval_has_finite_ends_in_order(low, high):
    try:
        interval = Interval(low, high)
    except ValueError:
        assert not (low <= high) or math.isinf(low) or math.isinf(high)
    else:
        assert -math.inf < interval.low <= interval.high < math.inf


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0, -0.5, math.nan])
def test_a_confidence_is_a_share_between_zero_and_one(confidence):
    with pytest.raises(ValueError, match="confidence"):
        Interval(0.0, 1.0, confidence)
