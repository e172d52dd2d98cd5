"""An `.npz` file as data."""

from __future__ import annotations

import os
import zipfile
import zlib
from pathlib import Path

import numpy as np

from edgekit_converters.data.arrays import ArraySource
from edgekit_converters.data.rows import Rows, stored_member
from edgekit_converters.data.source import SINGLE_INPUT
from edgekit_runtime.errors import DataError, first_line
from edgekit_runtime.tensor import TensorSpec

ZIP_MAGIC, EMPTY_ZIP_MAGIC = b"PK\x03\x04", b"PK\x05\x06"
WRITE_IT = f"Write it with numpy.savez(path, {SINGLE_INPUT}=...)."


class NpzSource(ArraySource):
    """An `.npz` file; what `numpy.savez` stored is read sample by sample, compressed arrays are held whole.

    Args:
        path: The file.
        inputs: The model's inputs.
        outputs: The model's outputs.

    Raises:
        DataError: It cannot be read, an input is missing, or a shape, type or length does not fit.
    """

    def __init__(self, path: Path, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> None:
        super().__init__(path, load_arrays(path), inputs, outputs)


def load_arrays(path: Path) -> dict[str, Rows]:
    """The arrays of a file by name, as they lie there.

    Raises:
        DataError: It cannot be read, or holds something else than numbers.
    """
    try:
        with open(path, "rb") as file:
            if file.read(len(ZIP_MAGIC)) not in (ZIP_MAGIC, EMPTY_ZIP_MAGIC):
                raise DataError(f"{path}: it is no .npz file.", hint=WRITE_IT)
        with np.load(path, allow_pickle=False) as content, zipfile.ZipFile(path) as archive:
            stored = {key: stored_member(path, archive, f"{key}.npy") for key in content.files}
            arrays = {key: content[key] if rows is None else rows for key, rows in stored.items()}
    except MemoryError as error:
        raise DataError(f"{path}: its arrays do not fit into memory.", hint="Save fewer samples in it.") from error
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else "it is damaged"
        raise DataError(f"{path}: {reason}.", hint="Check the path.") from error
    except (ValueError, zipfile.BadZipFile, EOFError, zlib.error, RuntimeError) as error:
        raise DataError(f"{path}: not an .npz file of plain numbers: {first_line(error)}") from error
    strange = [key for key, value in arrays.items() if isinstance(value, bytes)]
    if strange:
        raise DataError(f"{path}: it holds files that are no arrays: {', '.join(strange)}; allowed: arrays.")
    return arrays
