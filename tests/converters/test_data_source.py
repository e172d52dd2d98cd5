"""edgekit_converters.data.source: samples drawn over the whole set, and bad ones refused before the long work."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_converters.data.check import check_samples
from edgekit_converters.data.source import draw, open_data, open_drawn
from edgekit_converters.settings import DataSettings
from edgekit_runtime.errors import DataError
from edgekit_runtime.tensor import TensorSpec

INPUTS = (TensorSpec("image", (-1, 2), "float32"),)
OUTPUTS = (TensorSpec("scores", (-1, 3), "float32"),)

counts = st.integers(1, 300)


def save(path: Path, **arrays: np.ndarray) -> str:
    np.savez(path, **arrays)
    return str(path)


def checksum(path: str, samples: int | None = None, seed: int = 0) -> str:
    return check_samples(DataSettings(path, samples, seed), INPUTS, OUTPUTS, "calibration")[0].sha256


@given(counts, st.integers(1, 400), st.integers(0, 2**32))
def test_drawn_indexes_are_unique_ascending_and_within_the_set(count, samples, seed):
    drawn = draw(count, samples, seed)
    assert len(drawn) == min(count, samples)
    assert list(drawn) == sorted(set(drawn))
    assert drawn[0] >= 0
    assert drawn[-1] < count
    assert all(type(index) is int for index in drawn)


@given(counts, counts, st.integers(0, 2**32))
def test_the_same_seed_draws_the_same_samples(count, samples, seed):
    assert draw(count, samples, seed) == draw(count, samples, seed)


@given(counts)
def test_without_a_number_all_samples_are_taken(count):
    assert draw(count, None, 0) == tuple(range(count))


def test_different_seeds_reach_the_whole_set_evenly():
    times = np.zeros(100)
    for seed in range(400):
        times[list(draw(100, 10, seed))] += 1
    assert times.sum() == 4000
    # Each index is drawn 40 times on average, with a standard deviation of 6.
    assert times.min() > 10
    assert times.max() < 70


def test_a_draw_is_not_the_first_part_of_the_set():
    assert all(draw(1000, 10, seed)[-1] > 300 for seed in range(20))


def test_drawn_samples_come_in_order_with_their_labels(tmp_path):
    path = save(tmp_path / "d.npz", x=np.arange(200).reshape(100, 2), y=np.arange(100))
    source, indexes = open_drawn(DataSettings(path, 5, 3), INPUTS, OUTPUTS)
    samples = list(source.read(indexes))
    assert [int(sample.labels["scores"]) for sample in samples] == list(indexes)
    assert [sample.inputs["image"].tolist() for sample in samples] == [[2 * i, 2 * i + 1] for i in indexes]


@pytest.mark.parametrize("name", ["data.npy", "data.csv", "data"])
def test_another_form_of_data_is_refused_with_those_allowed(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(DataError, match=r"not a form of data that edgekit reads; allowed: \.npz, \.npy"):
        open_data(tmp_path / name, INPUTS, OUTPUTS)


@pytest.mark.parametrize("name", ["missing.npz", "missing.csv"])
def test_missing_data_is_refused_as_missing(tmp_path, name):
    with pytest.raises(DataError, match=r"missing\..*: no such file or directory"):
        open_data(tmp_path / name, INPUTS, OUTPUTS)


def test_a_name_longer_than_the_system_takes_is_refused(tmp_path):
    with pytest.raises(DataError, match="file name too long"):
        open_data(tmp_path / ("x" * 300), INPUTS, OUTPUTS)


def test_the_checksum_is_that_of_the_drawn_samples(tmp_path):
    values = np.random.default_rng(0).random((20, 2)).astype(np.float32)
    path = save(tmp_path / "a.npz", x=values)
    same = save(tmp_path / "b.npz", image=values.astype(np.float64))
    assert checksum(path) == checksum(same)
    assert checksum(path, 5, 1) == checksum(path, 5, 1)
    assert len({checksum(path), checksum(path, 5, 1), checksum(path, 5, 2)}) == 3


def test_the_checksum_holds_labels_too(tmp_path):
    values = np.random.default_rng(0).random((3, 2))
    paths = [
        save(tmp_path / f"{i}.npz", x=values, **labels)
        for i, labels in enumerate([{}, {"y": np.array([0, 1, 2])}, {"y": np.array([0, 1, 1])}])
    ]
    assert len({checksum(path) for path in paths}) == 3


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_sample_that_is_no_number_is_named(tmp_path, value):
    values = np.random.default_rng(0).random((5, 2))
    values[3, 1] = value
    path = save(tmp_path / "d.npz", x=values)
    with pytest.raises(DataError, match=r"d\.npz: calibration sample 3 has NaN or infinite values in input image"):
        checksum(path)


def test_a_value_that_float32_cannot_hold_is_named(tmp_path):
    path = save(tmp_path / "d.npz", x=np.array([[0, 1], [0, 1e300]]))
    with np.errstate(over="ignore"), pytest.raises(DataError, match="sample 1 has NaN or infinite"):
        checksum(path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_label_that_is_no_number_is_named(tmp_path, value):
    labels = np.zeros((5, 3))
    labels[2, 0] = value
    path = save(tmp_path / "d.npz", x=np.random.default_rng(0).random((5, 2)), y=labels)
    with pytest.raises(DataError, match="calibration sample 2 has NaN or infinite values in the label of scores"):
        checksum(path)


def test_samples_that_are_all_the_same_are_refused(tmp_path):
    path = save(tmp_path / "d.npz", x=np.ones((5, 2)), y=np.arange(5))
    with pytest.raises(DataError, match="all 5 calibration samples are the same"):
        checksum(path)


def test_a_single_sample_is_taken(tmp_path):
    assert checksum(save(tmp_path / "d.npz", x=np.ones((1, 2))))
