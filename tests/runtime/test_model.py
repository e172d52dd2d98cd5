"""edgekit_runtime.model: real numbers in, real numbers out, whatever the file stores."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.pipeline.write_bundle import list_files, write_document, zip_folder
from edgekit_converters.source import SourceInfo
from edgekit_runtime import load
from edgekit_runtime.bundle import open_bundle
from edgekit_runtime.errors import BundleError, DataError, ModelError
from edgekit_runtime.model import Model
from edgekit_runtime.tensor import TensorSpec
from tests.bundle_files import dense_bundle, two_by_two_bundle, write_bundle
from tests.tflite_files import dense_samples, write_dense, write_gather, write_recurrent

patient = settings(deadline=None)  # files and models take the time they take


@pytest.fixture(scope="module")
def dense(tmp_path_factory) -> Model:
    return load(dense_bundle(tmp_path_factory.mktemp("float"), "float32"))


@pytest.fixture(scope="module")
def int8(tmp_path_factory) -> Model:
    return load(dense_bundle(tmp_path_factory.mktemp("int8"), "int8"))


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> Model:
    return load(two_by_two_bundle(tmp_path_factory.mktemp("two")))


@patient
@given(st.integers(1, 5), st.integers(0, 1000))
def test_several_samples_give_what_each_alone_gives(dense, count, seed):
    samples = dense_samples(count, seed=seed)
    together = dense(samples)
    assert together.shape == (count, 3)
    assert np.array_equal(together, np.stack([dense(sample) for sample in samples]))


def test_one_sample_gives_one_output_without_batch_axis(dense):
    assert dense(dense_samples(1)[0]).shape == (3,)


def test_lists_and_other_types_of_numbers_are_taken(dense):
    sample = np.arange(8)
    expected = dense(sample.astype(np.float32))
    for form in (sample.tolist(), sample.astype(np.uint8), sample.astype(np.float64), {"features": sample.tolist()}):
        assert np.array_equal(dense(form), expected)


def test_an_int8_file_takes_and_gives_real_numbers_close_to_the_float_file(dense, int8):
    samples = dense_samples(64)
    exact, found = dense(samples), int8(samples)
    assert found.dtype == np.float32
    assert int8.manifest.outputs[0].stored.dtype == "int8"
    assert np.max(np.abs(found - exact)) < 0.05 * np.ptp(exact)
    assert not np.array_equal(found, exact)


def test_several_inputs_and_outputs_go_by_name(two):
    a, b = np.array([1, 2, 3, 4.0]), np.array([2, 2, 2, 5.0])
    found = two({"b": b, "a": a})
    assert list(found) == ["sum", "difference"]
    assert found["sum"].tolist() == [3, 4, 5, 9]
    assert found["difference"].tolist() == [-1, 0, 1, -1]
    assert two({"a": a[None], "b": b[None]})["sum"].shape == (1, 4)


def test_a_recurrent_model_gives_each_sample_what_it_gives_alone(tmp_path):
    info = SourceInfo((TensorSpec("x", (-1, 3, 2), "float32"),), (TensorSpec("y", (-1, 3, 2), "float32"),), 0, ())
    ones = np.ones((2, 3, 2), np.float32)
    path = write_bundle(tmp_path / "bundle", write_recurrent(tmp_path / "m.tflite"), info, "float32", {"x": ones})
    first, second = load(path)(ones)
    assert first.tolist() == second.tolist() == [[1, 1], [1.5, 1.5], [1.75, 1.75]]


@pytest.fixture(scope="module")
def row_of_table(tmp_path_factory) -> Model:
    folder = tmp_path_factory.mktemp("gather")
    info = SourceInfo((TensorSpec("index", (-1,), "int32"),), (TensorSpec("row", (-1,), "float32"),), 4, ())
    indexes = np.array([0, 3], np.int32)
    return load(write_bundle(folder / "b", write_gather(folder / "m.tflite"), info, "float32", {"index": indexes}))


def test_whole_numbers_are_never_rescaled(row_of_table):
    assert row_of_table(2) == 2
    assert row_of_table(np.array([3.0, 1.0])).tolist() == [3, 1]


@pytest.mark.parametrize("index", [0.5, math.nan, 1e12, -(2**40)])
def test_what_an_integer_input_does_not_hold_is_refused(row_of_table, index):
    with pytest.raises(DataError, match="input index has values that int32 does not hold"):
        row_of_table(index)


def test_nan_is_refused_where_the_file_stores_integers(int8, dense):
    sample = np.full(8, math.nan)
    with pytest.raises(DataError, match="input features has values that int8 does not hold, or NaN"):
        int8(sample)
    assert np.isnan(dense(sample)).any()


@pytest.mark.parametrize(
    "value",
    [np.zeros(7), np.zeros((1, 1, 8)), np.zeros((2, 7)), np.zeros((0, 8)), np.float32(1), np.zeros((8, 1)), []],
)
def test_a_wrong_shape_is_refused_with_the_one_allowed(dense, value):
    with pytest.raises(DataError, match=r"input features has shape .*; allowed: \(8,\), or several of them"):
        dense(value)


@pytest.mark.parametrize("value", [["a"] * 8, [None] * 8, np.zeros(8, complex), "text", [[1, 2], [3]]])
def test_what_is_no_number_is_refused(dense, value):
    with pytest.raises(DataError, match="input features is "):
        dense(value)


@pytest.mark.parametrize("names", [["other"], [], ["features", "other"], [0]])
def test_wrong_names_are_refused_with_those_allowed(dense, names):
    with pytest.raises(DataError, match=r"inputs are .*; allowed: features\."):
        dense(dict.fromkeys(names, np.zeros(8)))


def test_an_array_alone_is_refused_by_a_model_of_two_inputs(two):
    with pytest.raises(DataError, match="inputs are a; allowed: a, b"):
        two(np.zeros(4))


@pytest.mark.parametrize(("a", "b"), [((2, 4), (3, 4)), ((4,), (1, 4)), ((2, 4), (4,))])
def test_different_numbers_of_samples_are_refused(two, a, b):
    with pytest.raises(DataError, match="different numbers of samples"):
        two({"a": np.zeros(a), "b": np.zeros(b)})


def test_a_zip_runs_after_its_unpacked_files_are_gone(tmp_path, dense):
    zip_folder(dense_bundle(tmp_path, "float32"), tmp_path / "b.edgekit")
    sample = dense_samples(1)[0]
    assert np.array_equal(load(tmp_path / "b.edgekit")(sample), dense(sample))


def test_a_damaged_bundle_is_refused(tmp_path):
    path = dense_bundle(tmp_path, "float32")
    (path / "model.tflite").write_bytes(write_dense(tmp_path / "other.tflite", seed=1).read_bytes())
    with pytest.raises(BundleError, match=r"model\.tflite was changed"):
        load(path)


def test_a_bundle_with_a_file_that_no_interpreter_reads_is_refused(tmp_path):
    path = dense_bundle(tmp_path, "float32")
    with open_bundle(path) as opened:
        manifest = opened.manifest
    (path / "model.tflite").write_bytes(b"not a model")
    write_document(path, "manifest.json", replace(manifest, files=list_files(path)))
    with pytest.raises(ModelError, match="LiteRT refuses it"):
        load(path)
