"""edgekit_runtime.preparation and pictures: pixels to inputs, to the bit as training code writes it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgekit_runtime.codec import decode, encode
from edgekit_runtime.errors import DataError, MissingExtraError
from edgekit_runtime.pictures import normalise, prepare_pixels, read_picture
from edgekit_runtime.preparation import Preparation

PLAIN = Preparation((4, 6), (4, 6), "stretch", "RGB", (0.0, 255.0), (0.0,), (1.0,), "NHWC")
GRAY = replace(PLAIN, channels="gray")
pixels = arrays(np.uint8, (4, 6, 3))
sizes = st.tuples(st.integers(1, 300), st.integers(1, 300))


@pytest.fixture
def image() -> object:
    """Pillow's module; whoever asks for it is skipped where Pillow is not installed."""
    return pytest.importorskip("PIL.Image")


@given(pixels)
def test_usual_ways_to_normalise_are_met_to_the_bit(given):
    x = given.astype(np.float32)
    mean, std = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
    imagenet = replace(PLAIN, pixel_range=(0.0, 1.0), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    for preparation, expected in (
        (PLAIN, x),
        (replace(PLAIN, pixel_range=(0.0, 1.0)), x / np.float32(255)),
        (replace(PLAIN, pixel_range=(-1.0, 1.0)), x / np.float32(127.5) - np.float32(1)),
        (imagenet, (x / np.float32(255) - mean) / std),
    ):
        found = normalise(given, preparation)
        assert found.dtype == np.float32
        assert np.array_equal(found, expected)


@given(pixels, st.floats(-10, 9), st.floats(0.1, 100), st.floats(-5, 5), st.floats(0.1, 10))
def test_normalising_is_its_formula(given, low, width, mean, std):
    preparation = replace(PLAIN, pixel_range=(low, low + width), mean=(mean,), std=(std,))
    expected = (low + given / 255.0 * width - mean) / std
    assert normalise(given, preparation) == pytest.approx(expected, abs=1e-4 * (abs(low) + width + abs(mean)) / std)


@given(pixels)
def test_channels_and_axes_come_in_the_order_asked_for(given):
    bgr = prepare_pixels(given, replace(PLAIN, channels="BGR"))
    assert np.array_equal(bgr, given[..., ::-1].astype(np.float32))
    nchw = replace(PLAIN, layout="NCHW")
    assert np.array_equal(prepare_pixels(given, nchw), given.transpose(2, 0, 1).astype(np.float32))
    assert prepare_pixels(given, nchw).flags.c_contiguous
    assert nchw.shape == (3, 4, 6)
    assert np.array_equal(prepare_pixels(given[..., 0], GRAY), given[..., :1].astype(np.float32))


@given(sizes, sizes, sizes, st.sampled_from(["stretch", "crop"]))
def test_what_is_taken_lies_in_the_middle_of_the_picture(picture, size, more, fit):
    resize = (size[0] + more[0], size[1] + more[1])
    preparation = replace(PLAIN, size=size, resize=resize, fit=fit)
    left, top, right, bottom = preparation.box(*picture)
    assert 0 <= left < right <= picture[1]
    assert 0 <= top < bottom <= picture[0]
    assert left == pytest.approx(picture[1] - right, abs=1e-6)
    assert top == pytest.approx(picture[0] - bottom, abs=1e-6)
    if fit == "crop":  # one step in both directions keeps the aspect
        assert (right - left) / size[1] == pytest.approx((bottom - top) / size[0])


def test_a_picture_of_the_whole_is_stretched_and_one_cropped_keeps_its_aspect():
    assert PLAIN.box(40, 120) == (0, 0, 120, 40)
    assert replace(PLAIN, fit="crop").box(40, 120) == (30, 0, 90, 40)
    assert replace(PLAIN, resize=(8, 12)).box(40, 120) == (30, 10, 90, 30)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"fit": "squeeze"}, "fit is 'squeeze'; allowed: stretch, crop"),
        ({"channels": "RGBA"}, "channels is 'RGBA'; allowed: RGB, BGR, gray"),
        ({"layout": "HWC"}, "layout is 'HWC'"),
        ({"resize": (3, 6)}, "resize is 3x6; allowed: at least the input's 4x6"),
        ({"size": (0, 6)}, "allowed: at least"),
        ({"pixel_range": (1.0, 1.0)}, r"pixel range is 1\.\.1"),
        ({"pixel_range": (0.0, float("nan"))}, "two finite numbers"),
        ({"mean": (1.0, 2.0)}, "allowed: one finite number, or 3"),
        ({"std": (1.0, 0.0, 1.0)}, "numbers above 0"),
    ],
)
def test_a_preparation_that_cannot_be_is_refused(change, text):
    with pytest.raises(ValueError, match=text):
        replace(PLAIN, **change)


def test_a_preparation_survives_its_document():
    assert decode(Preparation, encode(PLAIN)) == PLAIN


@settings(deadline=None)
@given(pixels)
def test_a_file_and_its_pixels_give_the_same(tmp_path_factory, given):
    image = pytest.importorskip("PIL.Image")
    path = tmp_path_factory.getbasetemp() / "same.png"
    image.fromarray(given).save(path)
    for preparation in (PLAIN, replace(PLAIN, size=(2, 2), resize=(2, 3)), GRAY):
        assert np.array_equal(read_picture(path, preparation), prepare_pixels(given, preparation))


def test_a_picture_is_resized_as_pillow_does_it(tmp_path, image):
    big = image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8))
    big.save(tmp_path / "big.png")
    expected = np.asarray(big.resize((6, 4), image.Resampling.BILINEAR), np.float32)
    assert np.array_equal(read_picture(tmp_path / "big.png", PLAIN), expected)


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "CMYK"])
def test_a_picture_of_any_eight_bit_kind_becomes_rgb(tmp_path, image, mode):
    suffix = "tif" if mode == "CMYK" else "png"
    image.new(mode, (6, 4)).save(tmp_path / f"p.{suffix}")
    assert read_picture(tmp_path / f"p.{suffix}", PLAIN).shape == (4, 6, 3)


def bad_files(folder: Path, image: object) -> dict[str, Path]:
    image.new("RGB", (60, 40), "red").save(folder / "good.png")
    image.new("I;16", (6, 4)).save(folder / "deep.png")
    (folder / "cut.png").write_bytes((folder / "good.png").read_bytes()[:60])
    (folder / "text.jpg").write_text("no picture")
    (folder / "empty.jpg").write_bytes(b"")
    return {path.name: path for path in folder.iterdir()} | {"gone.png": folder / "gone.png", "folder": folder}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("text.jpg", "no picture that Pillow reads"),
        ("empty.jpg", "no picture that Pillow reads"),
        ("cut.png", "the picture cannot be read"),
        ("deep.png", "allowed: 8 bits for each channel"),
        ("gone.png", "no such file"),
        ("folder", "the picture cannot be read"),
    ],
)
def test_what_is_no_picture_is_refused_by_name(tmp_path, image, name, text):
    path = bad_files(tmp_path, image)[name]
    with pytest.raises(DataError, match=text) as caught:
        read_picture(path, PLAIN)
    assert str(path) in caught.value.message


@pytest.mark.parametrize(
    "given", [np.zeros((4, 6, 4), np.uint8), np.zeros(4, np.uint8), np.zeros((4, 6, 3)), np.zeros((0, 6, 3), np.uint8)]
)
def test_what_are_no_pixels_is_refused(given):
    with pytest.raises(DataError, match="allowed: uint8 of shape"):
        prepare_pixels(given, PLAIN)


def test_pixels_of_the_right_size_need_no_pillow_and_others_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)  # as on a board without it
    assert prepare_pixels(np.zeros((4, 6, 3), np.uint8), PLAIN).shape == (4, 6, 3)
    with pytest.raises(MissingExtraError, match=r"Pillow is not installed.*pip install pillow"):
        prepare_pixels(np.zeros((5, 6, 3), np.uint8), PLAIN)
    with pytest.raises(MissingExtraError, match="Pillow is not installed"):
        read_picture("picture.png", PLAIN)
