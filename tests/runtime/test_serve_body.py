"""Bodies: whatever comes is an array or one clear line, and nothing is allocated on its word."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgekit_runtime.bundle import open_bundle
from edgekit_runtime.errors import DataError
from edgekit_runtime.serve_body import NPY_TYPE, read_body, read_npy, result_response, samples_of
from edgekit_runtime.serve_http import JSON_TYPE, HttpError
from tests.bundle_files import dense_bundle, two_by_two_bundle


@pytest.fixture(scope="module")
def dense_manifest(tmp_path_factory):
    with open_bundle(dense_bundle(tmp_path_factory.mktemp("dense"))) as bundle:
        return bundle.manifest


@pytest.fixture(scope="module")
def two_manifest(tmp_path_factory):
    with open_bundle(two_by_two_bundle(tmp_path_factory.mktemp("two"))) as bundle:
        return bundle.manifest


def npy(array, **options) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asanyarray(array), **options)
    return file.getvalue()


def told_or(read, *arguments):
    """What a function gives, or the error that it raises for the user."""
    try:
        return read(*arguments)
    except DataError as error:
        return error


def header(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode("latin-1")


@given(
    hnp.arrays(st.sampled_from(["<f4", ">f8", "|u1", "<i8", "|b1"]), hnp.array_shapes(max_dims=4), elements={}),
    st.sampled_from([(1, 0), (2, 0)]),
    st.booleans(),
)
def test_an_npy_file_is_read_as_numpy_reads_it(array, version, fortran):
    array = np.asfortranarray(array) if fortran else array
    found = read_npy(npy(array, version=version))
    assert found.dtype == array.dtype
    assert np.array_equal(found, array, equal_nan=found.dtype.kind == "f")


@pytest.mark.parametrize(
    ("body", "part"),
    [
        (b"", "no .npy file"),
        (b"\x93NUMPY", "no .npy file"),
        (b"\x93NUMPY\x09\x00", "no .npy file"),
        (header("{'descr': '<f4', 'fortran_order': False, 'shape': (4,)}\n"), "takes 16 bytes; 0 are here"),
        (header("{'descr': '<f4', 'fortran_order': False, 'shape': (10**9,)}\n"), "no .npy file"),
        (header(f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({10**15},)}}\n"), "takes 4000000000000000 bytes"),
        (header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}\n"), "none of them empty"),
        (header("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 8)}\n"), "none of them empty"),
        (header(f"{{'descr': '<f4', 'fortran_order': False, 'shape': {(1,) * 40}}}\n") + b"abcd", "up to 32 axes"),
        (header("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}\n") + b"\x80\x04N.", "of type object"),
        (header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}\n") + b"abcd", "allowed: numbers"),
        (npy(np.zeros(4, np.float32)) + b"x", "takes 16 bytes; 17 are here"),
    ],
)
def test_what_is_no_whole_npy_file_of_numbers_is_told(body, part):
    with pytest.raises(DataError, match=part):
        read_npy(body)


@given(st.binary(max_size=120), st.booleans())
@example(header("{'descr': '<f4', 'fortran_order': False, 'shape': (1,"), False)
@example(header("{'descr': '<f4', 'fortran_order': False, 'shape': ('a',)}\n"), False)
@example(header("(" * 60), False)
@example(header("{'descr': ('<f4', -5), 'fortran_order': False, 'shape': (2,)}\n"), False)
def test_any_bytes_are_an_array_or_one_line(data, with_magic):
    found = told_or(read_npy, (b"\x93NUMPY\x01\x00" if with_magic else b"") + data)
    if isinstance(found, DataError):
        assert "\n" not in found.message
    else:
        assert found.dtype.kind in "fiub"


def test_json_names_its_inputs_or_brings_the_only_one(dense_manifest, two_manifest):
    (found,) = read_body(b'{"inputs": [1, 2.5]}', JSON_TYPE + "; charset=utf-8", dense_manifest).values()
    assert found.tolist() == [1, 2.5]
    found = read_body(b'{"inputs": {"a": [1], "b": [[true]]}}', JSON_TYPE, two_manifest)
    assert {name: array.shape for name, array in found.items()} == {"a": (1,), "b": (1, 1)}


@pytest.mark.parametrize(
    ("body", "part"),
    [
        (b"", "no JSON in UTF-8"),
        (b"{", "no JSON in UTF-8"),
        (b"\xff\xfe", "no JSON in UTF-8"),
        (b'{"inputs": [NaN]}', "it holds NaN"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[1, 2]", "not of the form"),
        (b'{"inputs": [1], "more": 2}', "not of the form"),
        (b'{"inputs": [[1, 2], [3]]}', "differ in length or depth"),
        (b'{"inputs": ["a"]}', "no array of numbers"),
        (b'{"inputs": null}', "no array of numbers"),
        (b'{"inputs": ' + b"[" * 70 + b"1" + b"]" * 70 + b"}", "differ in length or depth|no array of numbers"),
    ],
)
def test_what_is_no_json_of_arrays_is_told(body, part, dense_manifest):
    with pytest.raises(DataError, match=part):
        read_body(body, JSON_TYPE, dense_manifest)


def test_a_number_of_a_million_digits_costs_no_time(dense_manifest):
    body = b'{"inputs": [' + b"9" * 1_000_000 + b"]}"
    (found,) = read_body(body, JSON_TYPE, dense_manifest).values()
    assert np.isinf(found).all()


def test_several_inputs_need_names(two_manifest):
    with pytest.raises(DataError, match="allowed: an object with a, b"):
        read_body(b'{"inputs": [1]}', JSON_TYPE, two_manifest)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=12,
    )
)
def test_any_json_is_arrays_or_one_line(dense_manifest, tree):
    found = told_or(read_body, json.dumps({"inputs": tree}).encode(), JSON_TYPE, dense_manifest)
    if isinstance(found, DataError):
        assert "\n" not in found.message
    else:
        assert all(array.dtype.kind in "fiub" for array in found.values())


@pytest.mark.parametrize("kind", ["", "text/plain", "image/jpeg"])
def test_another_kind_of_body_is_refused(kind, dense_manifest):
    with pytest.raises(HttpError) as raised:
        read_body(b"", kind, dense_manifest)
    assert raised.value.response.status == 415


def test_the_shape_tells_the_number_of_samples(dense_manifest):
    assert samples_of(np.zeros(8), dense_manifest) == 1
    assert samples_of({"features": np.zeros((5, 8))}, dense_manifest) == 5
    assert samples_of({"other": np.zeros((5, 8))}, dense_manifest) == 1


def test_an_answer_is_json_unless_npy_is_asked_for():
    outputs = {"y": np.array([1.5, 2], np.float32)}
    assert json.loads(result_response(outputs, "*/*").body) == {"outputs": {"y": [1.5, 2.0]}}
    response = result_response(outputs, NPY_TYPE)
    assert response.content_type == NPY_TYPE
    assert read_npy(response.body).tolist() == [1.5, 2.0]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_output_that_is_no_number_is_told(value):
    with pytest.raises(DataError, match="output y is NaN or infinite"):
        result_response({"y": np.array([value])}, "")


def test_two_outputs_are_no_npy_file():
    with pytest.raises(DataError, match="there are 2 outputs"):
        result_response({"y": np.zeros(1), "z": np.zeros(1)}, NPY_TYPE)
