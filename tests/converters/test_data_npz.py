"""edgekit_converters.data.npz: every array of the file is used or refused, never dropped or bent in silence."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit_converters.data.npz import NpzSource
from edgekit_converters.data.source import Sample
from edgekit_runtime.errors import DataError
from edgekit_runtime.tensor import TensorSpec

patient = settings(deadline=None)  # files and models take the time they take
IMAGE = (TensorSpec("image", (-1, 2), "float32"),)
TOKENS = (TensorSpec("tokens", (-1, 2), "int32"),)
PAIR = (TensorSpec("left", (-1, 2), "float32"), TensorSpec("right", (-1,), "float32"))
SCORES = (TensorSpec("scores", (-1, 3), "float32"),)
HEADS = (*SCORES, TensorSpec("box", (-1, 4), "float32"))
FOUR = np.arange(8).reshape(4, 2)


def read(path: Path, inputs=IMAGE, outputs=SCORES) -> list[Sample]:
    source = NpzSource(path, inputs, outputs)
    return list(source.read(range(len(source))))


def saved(folder: Path, **arrays: object) -> Path:
    np.savez(folder / "d.npz", **arrays)
    return folder / "d.npz"


def refusal(path: Path, inputs=IMAGE, outputs=SCORES) -> str:
    with pytest.raises(DataError) as caught:
        NpzSource(path, inputs, outputs)
    assert str(path) in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("key", ["x", "image"])
def test_a_single_input_is_called_x_or_by_its_name(tmp_path, key):
    samples = read(saved(tmp_path, **{key: FOUR}))
    assert [sample.inputs["image"].tolist() for sample in samples] == FOUR.tolist()
    assert samples[0].inputs["image"].dtype == np.float32
    assert samples[0].labels == {}


def test_several_inputs_go_by_name(tmp_path):
    samples = read(saved(tmp_path, right=[5, 6], left=[[1, 2], [3, 4]]), PAIR)
    assert samples[1].inputs["left"].tolist() == [3, 4]
    assert samples[1].inputs["right"] == 6


def test_labels_y_belong_to_the_first_output(tmp_path):
    assert [s.labels for s in read(saved(tmp_path, x=FOUR, y=[3, 2, 1, 0]), outputs=HEADS)] == [
        {"scores": label} for label in (3, 2, 1, 0)
    ]


def test_labels_may_name_their_output(tmp_path):
    boxes = np.arange(16).reshape(4, 4)
    (first, *_) = read(saved(tmp_path, **{"x": FOUR, "y.box": boxes, "y": [3, 2, 1, 0]}), outputs=HEADS)
    assert first.labels["scores"] == 3
    assert first.labels["box"].tolist() == [0, 1, 2, 3]


def test_identifiers_may_be_texts(tmp_path):
    assert len(read(saved(tmp_path, x=FOUR, id=["a", "b", "c", "d"]))) == 4


def test_an_input_that_is_called_y_is_an_input(tmp_path):
    inputs = (TensorSpec("x", (-1, 2), "float32"), TensorSpec("y", (-1, 2), "float32"))
    (first, *_) = read(saved(tmp_path, x=FOUR, y=FOUR + 1), inputs)
    assert first.inputs["y"].tolist() == [1, 2]
    assert first.labels == {}


def test_a_single_input_called_y_leaves_y_to_the_labels_where_x_is_given(tmp_path):
    inputs = (TensorSpec("y", (-1, 2), "float32"),)
    (first, *_) = read(saved(tmp_path, x=FOUR, y=[1, 2, 0, 1]), inputs)
    assert first.inputs["y"].tolist() == [0, 1]
    assert first.labels["scores"] == 1


@patient
@given(st.lists(st.integers(0, 3), max_size=8))
def test_samples_are_given_by_index_in_the_order_asked_for(tmp_path_factory, indexes):
    path = tmp_path_factory.getbasetemp() / "order.npz"
    np.savez(path, x=FOUR)
    assert [s.inputs["image"].tolist() for s in NpzSource(path, IMAGE, SCORES).read(indexes)] == FOUR[indexes].tolist()


def test_whole_numbers_of_any_type_are_tokens(tmp_path):
    (first, *_) = read(saved(tmp_path, x=np.array([[7.0, 30000.0]])), TOKENS)
    assert first.inputs["tokens"].tolist() == [7, 30000]
    assert first.inputs["tokens"].dtype == np.int32


@pytest.mark.parametrize("value", [0.5, np.nan, 3e9, -np.inf])
def test_what_an_integer_input_does_not_hold_is_refused(tmp_path, value):
    message = refusal(saved(tmp_path, x=np.array([[0, value]])), TOKENS)
    assert "'x' has values that int32, the type of input tokens, does not hold; allowed: whole numbers" in message


@pytest.mark.parametrize("shape", [(4, 3), (4,), (4, 2, 1), (4, 1, 2)])
def test_a_wrong_shape_is_refused_with_the_one_allowed(tmp_path, shape):
    message = refusal(saved(tmp_path, x=np.zeros(shape)))
    assert f"'x' has samples of shape {shape[1:]}; allowed: (2,), as input image takes them" in message


@pytest.mark.parametrize("key", ["x", "y"])
def test_a_single_number_is_refused(tmp_path, key):
    arrays = {"x": FOUR, "y": np.zeros(4)} | {key: np.float32(3)}
    assert f"'{key}' is a single number; allowed: one value for each sample" in refusal(saved(tmp_path, **arrays))


def test_a_missing_input_is_refused_with_what_is_there(tmp_path):
    assert "no array 'x' or 'image' for input image; it has: images" in refusal(saved(tmp_path, images=FOUR))
    assert "no array 'right' for input right; it has: left" in refusal(saved(tmp_path, left=FOUR), PAIR)


def test_an_empty_archive_is_refused(tmp_path):
    assert "it has: nothing" in refusal(saved(tmp_path))


@pytest.mark.parametrize("key", ["Y", "y.other", "weights", "arr_0"])
def test_an_unknown_array_is_refused_with_those_allowed(tmp_path, key):
    message = refusal(saved(tmp_path, **{"x": FOUR, key: FOUR}))
    assert f"unknown arrays: {key}; allowed: id, x, y, y.scores" in message


def test_x_is_unknown_where_there_are_several_inputs(tmp_path):
    assert "unknown arrays: x" in refusal(saved(tmp_path, left=FOUR, right=np.zeros(4), x=FOUR), PAIR)


def test_two_arrays_for_the_same_are_refused(tmp_path):
    assert "unknown arrays: image" in refusal(saved(tmp_path, x=FOUR, image=FOUR + 1))
    twice = saved(tmp_path, **{"x": FOUR, "y": np.zeros(4), "y.scores": np.ones(4)})
    assert "'y' and 'y.scores' stand for the same; allowed: one of them" in refusal(twice)


def test_no_samples_are_refused(tmp_path):
    assert "it holds no samples; allowed: at least one" in refusal(saved(tmp_path, x=np.zeros((0, 2))))


def test_different_lengths_are_refused_with_each(tmp_path):
    message = refusal(saved(tmp_path, x=FOUR, y=[1, 2, 0]))
    assert "the arrays have different lengths: image 4, labels of scores 3" in message
    assert "left 4, right 3" in refusal(saved(tmp_path, left=FOUR, right=np.zeros(3)), PAIR)


@pytest.mark.parametrize("key", ["x", "y"])
@pytest.mark.parametrize(
    ("value", "dtype"),
    [(["a"] * 4, "<U1"), ([b"a"] * 4, "|S1"), ([1j] * 4, "complex128"), (["2026-01-01"] * 4, "datetime64")],
)
def test_an_array_of_no_numbers_is_refused_with_its_type(tmp_path, key, value, dtype):
    values = np.array(value, "datetime64[D]" if dtype == "datetime64" else None)
    arrays = {"x": FOUR, "y": np.zeros(4)} | {key: np.stack([values, values], axis=1)}
    assert f"'{key}' has type {dtype}" in refusal(saved(tmp_path, **arrays))


class Bomb:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.touch, (self.mark,))


def test_pickled_objects_are_refused_and_not_run(tmp_path):
    path = saved(tmp_path, x=np.array([Bomb(tmp_path / "mark")], object))
    assert "not an .npz file of plain numbers: Object arrays cannot be loaded" in refusal(path)
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("content", [b"", b"text", b"\x80\x04pickle", b"PK"])
def test_what_is_no_zip_is_refused(tmp_path, content):
    (tmp_path / "d.npz").write_bytes(content)
    assert "it is no .npz file" in refusal(tmp_path / "d.npz")


def test_a_single_array_under_the_name_of_an_archive_is_refused(tmp_path):
    with open(tmp_path / "d.npz", "wb") as file:
        np.save(file, FOUR)
    assert "it is no .npz file" in refusal(tmp_path / "d.npz")


@pytest.mark.parametrize("name", ["x", "readme.txt"])
def test_a_zip_of_other_files_is_refused(tmp_path, name):
    path = saved(tmp_path, y=np.zeros(4))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, "text")
    assert f"it holds files that are no arrays: {name}" in refusal(path)


@patient
@given(st.floats(0, 1, exclude_max=True), st.booleans())
def test_a_truncated_file_is_refused(tmp_path_factory, share, compressed):
    path = tmp_path_factory.getbasetemp() / "cut.npz"
    (np.savez_compressed if compressed else np.savez)(path, x=FOUR)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    refusal(path)


@patient
@given(st.integers(0, 1 << 16), st.integers(1, 255), st.booleans())
def test_a_changed_byte_is_refused_or_changes_nothing(tmp_path_factory, position, change, compressed):
    path = tmp_path_factory.getbasetemp() / "changed.npz"
    (np.savez_compressed if compressed else np.savez)(path, x=FOUR)
    changed = bytearray(path.read_bytes())
    changed[position % len(changed)] ^= change
    path.write_bytes(changed)
    try:
        samples = read(path)
    except DataError as error:
        assert str(path) in error.message  # noqa: PT017  # either may happen
    else:
        assert [sample.inputs["image"].tolist() for sample in samples] == FOUR.tolist()


def test_an_array_larger_than_memory_is_refused(tmp_path):
    path = tmp_path / "d.npz"
    with zipfile.ZipFile(path, "w") as archive, archive.open("x.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, {"shape": (1 << 50, 2), "fortran_order": False, "descr": "<f8"})
    assert "its arrays do not fit into memory" in refusal(path)


def test_a_folder_is_refused(tmp_path):
    (tmp_path / "d.npz").mkdir()
    assert "is a directory" in refusal(tmp_path / "d.npz")
