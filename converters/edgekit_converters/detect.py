"""Tell a source model's format by its content, without opening it with a framework."""

from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path

from edgekit_runtime.bundle import sha256_of
from edgekit_runtime.errors import ModelError

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"  # HDF5 file format specification, version 3, section II.A
TFLITE_MAGIC = b"TFL3"
ZIP_MAGIC = b"PK\x03\x04"
SAVED_MODEL = "saved_model.pb"
ALLOWED = "allowed: a Keras model as .keras or .h5, or a SavedModel folder"
SAVE = "Save it with model.save('model.keras')."


def detect_source(path: Path) -> str:
    """Tell a source model's format: `keras`, `keras-h5` or `saved-model`.

    Raises:
        ModelError: There is no such file, or it is no model this edgekit converts.
    """
    if os.path.isdir(path):
        if os.path.isfile(os.path.join(path, SAVED_MODEL)):
            return "saved-model"
        raise ModelError(f"{path}: it is a folder without {SAVED_MODEL}; {ALLOWED}.", hint=SAVE)
    try:
        with open(path, "rb") as file:
            head = file.read(8)
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such file.", hint="Check the path.") from error
    except OSError as error:
        raise ModelError(f"{path}: it cannot be read: {error.strerror}.") from error
    if head == HDF5_MAGIC:
        return "keras-h5"
    if _is_keras_zip(path):
        return "keras"
    if head[:4] == ZIP_MAGIC:
        raise ModelError(f"{path}: it is a zip, but no Keras model, or a damaged one; {ALLOWED}.", hint=SAVE)
    if head[4:8] == TFLITE_MAGIC:
        raise ModelError(
            f"{path}: it is a finished .tflite file; {ALLOWED}.",
            hint=f"Measure it as it is: edgekit bench {path}",
        )
    raise ModelError(f"{path}: it is not a model; {ALLOWED}.", hint=SAVE)


def _is_keras_zip(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return {"config.json", "metadata.json"} <= set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False


def checksum_source(path: Path) -> str:
    """The sha256 of a source model, as hexadecimal digits; of a folder, that of its files' names and checksums."""
    if not path.is_dir():
        return sha256_of(path)
    files = sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
    lines = (f"{sha256_of(path / name)}  {name}\n" for name in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
