"""Files read sample by sample: .npy, stored .npz, and folders of them."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from edgekit_converters.data.form import detect_form
from edgekit_converters.data.rows import StoredRows, open_npy
from edgekit_converters.data.source import open_data
from edgekit_runtime.errors import DataError
from edgekit_runtime.tensor import TensorSpec

IMAGE = (TensorSpec("image", (-1, 2), "float32"),)
SCORES = (TensorSpec("scores", (-1, 3), "float32"),)
SIX = np.arange(12, dtype=np.float32).reshape(6, 2)
LARGE = (TensorSpec("image", (-1, 500, 500), "float32"),)
MEGABYTE = 1 << 20

any_arrays = st.sampled_from([np.float32, np.uint8, np.int64, np.dtype(">f4")]).flatmap(
    lambda dtype: arrays(dtype, array_shapes(min_dims=1, max_dims=3, max_side=5))
)


def read(path: Path, inputs=IMAGE, indexes=None) -> list[list[float]]:
    source = open_data(path, inputs, SCORES)
    return [s.inputs["image"].tolist() for s in source.read(range(len(source)) if indexes is None else indexes)]


@settings(deadline=None)
@given(any_arrays, st.booleans())
def test_rows_of_a_file_are_those_of_the_array(tmp_path_factory, array, fortran):
    path = tmp_path_factory.getbasetemp() / "rows.npy"
    np.save(path, np.asfortranarray(array) if fortran else array)
    rows = open_npy(path)
    assert (len(rows), rows.shape, rows.dtype) == (len(array), array.shape, array.dtype)
    for index, row in enumerate(array):
        assert np.array_equal(rows[index], row, equal_nan=array.dtype.kind == "f")


def test_an_npy_file_holds_the_samples_of_the_single_input(tmp_path):
    np.save(tmp_path / "d.npy", SIX)
    assert read(tmp_path / "d.npy") == SIX.tolist()
    assert read(tmp_path / "d.npy", indexes=[1, 4]) == SIX[[1, 4]].tolist()


def test_an_npy_file_for_several_inputs_is_refused_with_what_to_write(tmp_path):
    np.save(tmp_path / "d.npy", SIX)
    with pytest.raises(DataError, match=r"holds one input; the model has 2.*numpy\.savez\(path, image=\.\.\., b="):
        open_data(tmp_path / "d.npy", (*IMAGE, TensorSpec("b", (-1, 2), "float32")), SCORES)


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.zeros((3, 5)), r"shape \(5,\); allowed: \(2,\)"),
        (np.float32(1), "is a single number"),
        (np.array(["a", "b"]), "has type <U1"),
        (np.zeros((0, 2)), "it holds no samples"),
    ],
)
def test_an_npy_file_that_does_not_fit_is_refused(tmp_path, array, text):
    np.save(tmp_path / "d.npy", array)
    with pytest.raises(DataError, match=text):
        open_data(tmp_path / "d.npy", IMAGE, SCORES)


def test_an_npy_file_of_objects_is_refused(tmp_path):
    np.save(tmp_path / "d.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(DataError, match=r"not an \.npy file of plain numbers"):
        open_data(tmp_path / "d.npy", IMAGE, SCORES)


def test_an_npy_file_that_was_cut_off_is_refused(tmp_path):
    np.save(tmp_path / "d.npy", SIX)
    whole = (tmp_path / "d.npy").read_bytes()
    for length in (8, 40, len(whole) - 1):
        (tmp_path / "d.npy").write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"d\.npy"):
            open_data(tmp_path / "d.npy", IMAGE, SCORES)


def test_a_file_that_is_cut_off_while_it_is_read_is_refused(tmp_path):
    np.save(tmp_path / "d.npy", SIX)
    source = open_data(tmp_path / "d.npy", IMAGE, SCORES)
    (tmp_path / "d.npy").write_bytes(b"")
    with pytest.raises(DataError, match="sample 2 can no longer be read"):
        list(source.read([2]))


def test_stored_arrays_of_an_npz_file_stay_on_disk(tmp_path):
    np.savez(tmp_path / "d.npz", x=SIX)
    source = open_data(tmp_path / "d.npz", IMAGE, SCORES)
    assert isinstance(source._inputs["image"], StoredRows)
    assert read(tmp_path / "d.npz") == SIX.tolist()


@pytest.mark.parametrize("name", ["d.npy", "d.npz", "shards"])
def test_a_pass_over_many_samples_holds_no_more_than_a_few(tmp_path, name):
    values = np.ones((40, 500, 500), np.float32)
    if name == "shards":
        (tmp_path / name).mkdir()
        for i in range(10):
            np.savez(tmp_path / name / f"{i}.npz", x=values[4 * i : 4 * i + 4])
    else:
        (np.save(tmp_path / name, values) if name == "d.npy" else np.savez(tmp_path / name, x=values))
    del values
    tracemalloc.start()
    try:
        source = open_data(tmp_path / name, LARGE, SCORES)
        assert sum(1 for _ in source.read(range(len(source)))) == 40
        assert tracemalloc.get_traced_memory()[1] < 5 * MEGABYTE  # of 38 MB
    finally:
        tracemalloc.stop()


@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), st.data())
@settings(deadline=None, max_examples=30)
def test_shards_are_one_set_in_the_order_of_their_names(tmp_path_factory, lengths, data):
    folder = tmp_path_factory.mktemp("shards")
    values = np.arange(2 * sum(lengths), dtype=np.float32).reshape(-1, 2)
    for place, part in enumerate(np.split(values, np.cumsum(lengths)[:-1])):
        if place % 2:
            np.save(folder / f"{place}.npy", part)
        else:
            np.savez(folder / f"{place}.npz", x=part)
    assert read(folder) == values.tolist()
    indexes = data.draw(st.lists(st.integers(0, len(values) - 1)))
    assert read(folder, indexes=indexes) == values[indexes].tolist()


def test_shards_bring_their_labels(tmp_path):
    for i in range(2):
        np.savez(tmp_path / f"{i}.npz", x=SIX, y=np.full(6, i))
    source = open_data(tmp_path, IMAGE, SCORES)
    assert [int(s.labels["scores"]) for s in source.read(range(12))] == [0] * 6 + [1] * 6


def test_shards_that_do_not_belong_together_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=SIX, y=np.zeros(6))
    np.savez(tmp_path / "b.npz", x=SIX)
    with pytest.raises(DataError, match=r"a\.npz and b\.npz do not have labels for the same outputs"):
        open_data(tmp_path, IMAGE, SCORES)
    (tmp_path / "c.txt").write_text("x")
    with pytest.raises(DataError, match=r"beside its shards it holds c\.txt"):
        open_data(tmp_path, IMAGE, SCORES)


def test_a_bad_shard_is_named(tmp_path):
    np.save(tmp_path / "a.npy", SIX)
    np.save(tmp_path / "b.npy", SIX[:, :1])
    with pytest.raises(DataError, match=r"b\.npy: 'x' has samples of shape \(1,\)"):
        open_data(tmp_path, IMAGE, SCORES)


def test_a_form_is_told_by_its_content(tmp_path):
    with open(tmp_path / "data", "wb") as file:
        np.save(file, SIX)
    with open(tmp_path / "zip.bin", "wb") as file:
        np.savez(file, x=SIX)
    assert detect_form(tmp_path / "data") == "npy"
    assert detect_form(tmp_path / "zip.bin") == "npz"
    assert detect_form(Path("my.module:samples")) == "function"


@pytest.mark.parametrize("name", ["gone", "my-module:f", "module:", ":f", "a/b:f", "1:2"])
def test_what_is_neither_there_nor_a_function_is_refused_as_missing(name):
    with pytest.raises(DataError, match="no such file or directory"):
        detect_form(Path(name))
