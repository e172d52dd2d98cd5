"""edgekit_converters.data.pictures: folders are classes, and what is no picture is counted and named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgekit_converters.data.pictures import PictureSource, preparation_for, read_class_names
from edgekit_converters.data.source import open_data
from edgekit_converters.settings import AS_THEY_ARE, PictureSettings
from edgekit_runtime.errors import DataError
from edgekit_runtime.tensor import TensorSpec

Image = pytest.importorskip("PIL.Image")
INPUTS = (TensorSpec("picture", (-1, 2, 3, 3), "float32"),)
OUTPUTS = (TensorSpec("kind", (-1, 3), "float32"),)


def paint(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (3, 2), (value, value, value)).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for value, name in enumerate(("dog/b.png", "dog/a.png", "cat/1.png", "cat/deep/2.png", "ant/x.png")):
        paint(tmp_path / name, value)
    return tmp_path


def opened(folder: Path, settings: PictureSettings = AS_THEY_ARE) -> PictureSource:
    source = open_data(folder, INPUTS, OUTPUTS, settings)
    assert isinstance(source, PictureSource)
    return source


def content(source: PictureSource) -> list[tuple[int, int | None]]:
    samples = source.read(range(len(source)))
    return [(int(s.inputs["picture"][0, 0, 0]), int(s.labels["kind"]) if s.labels else None) for s in samples]


def test_folders_in_the_order_of_their_names_are_the_classes(folder):
    source = opened(folder)
    assert source.classes == ("ant", "cat", "dog")
    assert content(source) == [(4, 0), (2, 1), (3, 1), (1, 2), (0, 2)]


@pytest.mark.parametrize("inside", [True, False])
def test_labels_txt_overrules_order_and_names(folder, tmp_path_factory, inside):
    path = (folder if inside else tmp_path_factory.mktemp("names")) / "labels.txt"
    path.write_text("dog\nbee\nant\ncat\n")
    source = opened(folder, AS_THEY_ARE if inside else PictureSettings(labels=str(path)))
    assert source.classes == ("dog", "bee", "ant", "cat")
    assert [label for _, label in content(source)] == [2, 3, 3, 0, 0]


def test_a_folder_that_labels_txt_does_not_name_is_refused(folder):
    (folder / "labels.txt").write_text("dog\ncat\n")
    with pytest.raises(DataError, match=r"the folder ant is named in no line of labels\.txt"):
        opened(folder)


def test_pictures_without_folders_have_no_labels(tmp_path):
    paint(tmp_path / "b.png", 7)
    paint(tmp_path / "a.png", 5)
    assert content(opened(tmp_path)) == [(5, None), (7, None)]


def test_pictures_beside_the_folders_are_refused(folder):
    paint(folder / "lost.png", 1)
    with pytest.raises(DataError, match=r"1 pictures lie beside the folders of the classes, such as lost\.png"):
        opened(folder)


def test_what_systems_leave_in_folders_is_passed_over(folder):
    for name in ("cat/Thumbs.db", "cat/.DS_Store", ".git/x.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("x")
    assert len(opened(folder)) == 5


def test_what_is_no_picture_is_counted_and_the_first_is_named(folder):
    (folder / "cat" / "0.png").write_text("no picture")
    (folder / "dog" / "z.png").write_text("no picture")
    with pytest.raises(DataError, match=r"2 of 7 files cannot be read as pictures. The first: .*cat/0\.png: it is no"):
        content(opened(folder))


def test_empty_folders_are_refused(tmp_path):
    paint(tmp_path / ".hidden" / "a.png", 1)
    (tmp_path / "cat").mkdir()
    with pytest.raises(DataError, match="the folders of its classes are empty"):
        opened(tmp_path)


def test_a_folder_of_other_files_is_refused_with_the_forms_allowed(tmp_path):
    (tmp_path / "a.csv").write_text("1,2")
    with pytest.raises(DataError, match=r"holds no data that edgekit reads; allowed: \.npz, \.npy, a folder"):
        opened(tmp_path)


def test_a_model_of_several_inputs_takes_no_pictures(folder):
    with pytest.raises(DataError, match="feeds one input; the model has 2"):
        open_data(folder, INPUTS * 2, OUTPUTS)


@pytest.mark.parametrize(
    ("shape", "layout", "channels"),
    [
        ((-1, 8, 9, 3), "NHWC", "RGB"),
        ((-1, 8, 9, 1), "NHWC", "gray"),
        ((-1, 3, 8, 9), "NCHW", "RGB"),
        ((-1, 1, 8, 9), "NCHW", "gray"),
    ],
)
def test_the_shape_of_the_input_says_layout_and_channels(shape, layout, channels):
    found = preparation_for(AS_THEY_ARE, TensorSpec("x", shape, "float32"))
    assert (found.layout, found.channels, found.size, found.resize) == (layout, channels, (8, 9), (8, 9))
    assert found.shape == shape[1:]


@pytest.mark.parametrize(
    ("shape", "settings", "text"),
    [
        ((-1, 10), AS_THEY_ARE, "allowed for pictures"),
        ((-1, 8, 9, 4), AS_THEY_ARE, "has 4 channels"),
        ((-1, 8, 9, 3), PictureSettings(channels="gray"), "has 3 channels"),
        ((-1, 8, 9, 3), PictureSettings(resize=(4, 4)), "at least the input's 8x9"),
        ((-1, 8, 9, 1), PictureSettings(mean=(1.0, 2.0, 3.0)), "mean is"),
    ],
)
def test_what_does_not_fit_the_input_is_refused(shape, settings, text):
    with pytest.raises(DataError, match=text):
        preparation_for(settings, TensorSpec("x", shape, "float32"))


def test_an_integer_input_takes_whole_pixels_and_no_fractions(folder):
    inputs = (TensorSpec("picture", (-1, 2, 3, 3), "uint8"),)
    (first,) = open_data(folder, inputs, OUTPUTS).read([0])
    assert first.inputs["picture"].dtype == np.uint8
    source = open_data(folder, inputs, OUTPUTS, PictureSettings(pixel_range=(0.0, 1.0)))
    with pytest.raises(DataError, match="does not hold"):
        list(source.read([0]))


@pytest.mark.parametrize("text", ["", "\n\n", "cat\ncat\n"])
def test_names_that_are_no_list_of_classes_are_refused(tmp_path, text):
    (tmp_path / "labels.txt").write_text(text)
    with pytest.raises(DataError, match="allowed: one name on each line"):
        read_class_names(tmp_path / "labels.txt")
