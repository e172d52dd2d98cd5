"""Tell a form of data by its content; without numpy, for plans are made before anything is loaded."""

from __future__ import annotations

import os
import re
from pathlib import Path

from edgekit_runtime.errors import DataError

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
MAGICS = {b"\x93NUMPY": "npy", b"PK\x03\x04": "npz", b"PK\x05\x06": "npz"}
FUNCTION = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
ALLOWED = (
    "allowed: .npz, .npy, a folder of them, a folder of pictures, "
    "or module:function of your own, which gives samples one by one"
)


def is_function(text: str) -> bool:
    """Whether a text reads like `module:function`, and not like a path."""
    return FUNCTION.fullmatch(text) is not None


def detect_form(path: Path) -> str:
    """Tell a form of data: `npz`, `npy`, `shards`, `pictures` or `function`.

    Raises:
        DataError: There is nothing of that name, or it has another form.
    """
    try:
        if path.is_dir():
            return _detect_folder(path)
        with open(path, "rb") as file:
            head = file.read(6)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and is_function(str(path)):
            return "function"
        raise DataError(f"{path}: {os.strerror(error.errno or 0).lower()}.", hint="Check the path.") from error
    found = next((form for magic, form in MAGICS.items() if head.startswith(magic)), None)
    if found is None and path.suffix == ".npz":
        return "npz"  # its reader says what is wrong with it
    if found is None:
        raise DataError(f"{path}: not a form of data that edgekit reads; {ALLOWED}.")
    return found


def _detect_folder(folder: Path) -> str:
    files = [path for path in folder.iterdir() if not path.name.startswith(".")]
    if any(path.suffix in (".npy", ".npz") for path in files):
        return "shards"
    if any(name.lower().endswith(PICTURE_SUFFIXES) for _, _, names in os.walk(folder) for name in names):
        return "pictures"
    raise DataError(f"{folder}: the folder holds no data that edgekit reads; {ALLOWED}.")
