"""Pictures to inputs, the same on host and device: the only importer of Pillow; the rest is numpy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgekit_runtime.errors import DataError, MissingExtraError, first_line
from edgekit_runtime.preparation import PIXEL_MAX, Preparation

if TYPE_CHECKING:
    from PIL.Image import Image

EIGHT_BIT_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB", "La", "RGBa")


def read_picture(path: str | Path, preparation: Preparation) -> np.ndarray:
    """Read a picture's file as an input, float32 of `preparation.shape`.

    Pixels are taken as they are stored: a camera's note on how it was held is not followed, as
    training does not follow it either.

    Raises:
        DataError: It is no picture, or a damaged one.
        MissingExtraError: Pillow is not installed.
    """
    require_pillow()
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            if picture.mode not in EIGHT_BIT_MODES:
                raise DataError(f"{path}: its pixels are of kind {picture.mode}; allowed: 8 bits for each channel.")
            pixels = _fitted(picture, preparation)
    except UnidentifiedImageError as error:
        raise DataError(f"{path}: it is no picture that Pillow reads.") from error
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file.", hint="Check the path.") from error
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: the picture cannot be read: {first_line(error)}") from error
    return normalise(pixels, preparation)


def prepare_pixels(pixels: np.ndarray, preparation: Preparation) -> np.ndarray:
    """Turn a picture's pixels into an input, float32 of `preparation.shape`; of the right size, Pillow is not needed.

    Args:
        pixels: uint8, `(H, W, 3)` in the order RGB, or `(H, W)` or `(H, W, 1)` for gray.
        preparation: What to do.

    Raises:
        DataError: It has another type or shape.
        MissingExtraError: It has another size or number of channels, and Pillow is not installed.
    """
    flat = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    if pixels.dtype != np.uint8 or not (flat.ndim == 2 or (flat.ndim == 3 and flat.shape[2] == 3)) or flat.size == 0:
        raise DataError(
            f"pixels are {pixels.dtype} of shape {pixels.shape}; "
            "allowed: uint8 of shape (height, width, 3) or (height, width)."
        )
    gray = preparation.channels == "gray"
    whole = preparation.box(*flat.shape[:2]) == (0, 0, flat.shape[1], flat.shape[0])
    if flat.shape[:2] == preparation.size and whole and gray == (flat.ndim == 2):
        return normalise(_in_order(flat, preparation), preparation)
    require_pillow()
    from PIL import Image

    return normalise(_fitted(Image.fromarray(flat), preparation), preparation)


def normalise(pixels: np.ndarray, preparation: Preparation) -> np.ndarray:
    """Scale, shift and lay out pixels of the input's own size.

    Divisions and their order are those of the usual ways to write it, such as `x / 255` and
    `x / 127.5 - 1`, so that their results are met to the bit.

    Args:
        pixels: uint8, `(H, W, channels)`, channels in the input's order.
        preparation: What to do.
    """
    low, high = preparation.pixel_range
    values = pixels.astype(np.float32)
    if (low, high) != (0.0, PIXEL_MAX):
        values /= np.float32(PIXEL_MAX / (high - low))
    if low != 0.0:
        values += np.float32(low)
    if any(preparation.mean):
        values -= np.asarray(preparation.mean, np.float32)
    if any(std != 1.0 for std in preparation.std):
        values /= np.asarray(preparation.std, np.float32)
    return np.ascontiguousarray(values.transpose(2, 0, 1)) if preparation.layout == "NCHW" else values


def require_pillow() -> None:
    """Say what to install where pictures cannot be read.

    Raises:
        MissingExtraError: Pillow is not installed.
    """
    try:
        import PIL  # noqa: F401  # only whether it is there
    except ImportError as missing:
        raise MissingExtraError(
            "Pillow is not installed, so no picture can be read here.",
            hint="Run: pip install pillow (or give arrays as .npy)",
        ) from missing


def _fitted(picture: Image, preparation: Preparation) -> np.ndarray:
    from PIL.Image import Resampling

    mode = "L" if preparation.channels == "gray" else "RGB"
    if picture.mode != mode:
        picture = picture.convert(mode)
    height, width = preparation.size
    box = preparation.box(picture.height, picture.width)
    if picture.size != (width, height) or box != (0, 0, width, height):
        picture = picture.resize((width, height), Resampling.BILINEAR, box=box)
    return _in_order(np.asarray(picture), preparation)


def _in_order(pixels: np.ndarray, preparation: Preparation) -> np.ndarray:
    if pixels.ndim == 2:
        return pixels[..., None]
    return pixels[..., ::-1] if preparation.channels == "BGR" else pixels
