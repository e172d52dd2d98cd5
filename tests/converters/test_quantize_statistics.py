"""edgekit_converters.quantize.statistics: ranges that depend neither on order nor on batching."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgekit_converters.quantize.statistics import Range, RangeStatistics

samples = st.lists(arrays(np.float32, (2, 3), elements=st.floats(-1e6, 1e6, width=32)), min_size=1, max_size=8)
any_numbers = st.lists(st.floats(width=32), min_size=1, max_size=8)


def range_of(*values: np.ndarray) -> Range:
    statistics = RangeStatistics()
    for value in values:
        statistics.update("t", value)
    return statistics.ranges["t"]


@given(samples)
def test_the_range_is_that_of_all_values_at_once(values):
    assert range_of(*values) == Range(float(np.min(values)), float(np.max(values)))


@given(samples, st.randoms())
def test_the_order_of_the_samples_does_not_matter(values, random):
    assert range_of(*random.sample(values, len(values))) == range_of(*values)


@given(samples, st.integers(1, 4))
def test_the_batches_do_not_matter(values, size):
    batches = [np.stack(values[i : i + size]) for i in range(0, len(values), size)]
    assert range_of(*batches) == range_of(*values)


@given(any_numbers, st.randoms())
def test_what_is_no_number_shows_wherever_it_comes(numbers, random):
    found = range_of(*(np.array([number], np.float32) for number in random.sample(numbers, len(numbers))))
    assert np.isfinite((found.low, found.high)).all() == all(math.isfinite(number) for number in numbers)
    assert (math.isnan(found.low) and math.isnan(found.high)) == any(math.isnan(number) for number in numbers)


def test_tensors_are_kept_apart_by_name():
    statistics = RangeStatistics()
    statistics.update("a", np.array([1.0, 2.0]))
    statistics.update("b", np.array([-5.0]))
    statistics.update("a", np.array([0.5]))
    assert statistics.ranges == {"a": Range(0.5, 2.0), "b": Range(-5.0, -5.0)}


@pytest.mark.parametrize("first", [True, False])
def test_an_empty_array_changes_nothing(first):
    values = [np.array([1.0]), np.zeros((0, 3))]
    assert range_of(*(reversed(values) if first else values)) == Range(1.0, 1.0)


def test_ranges_once_taken_stay_as_they_were():
    statistics = RangeStatistics()
    statistics.update("t", np.array([1.0]))
    taken = statistics.ranges
    statistics.update("t", np.array([2.0]))
    assert taken == {"t": Range(1.0, 1.0)}
