"""Arrays that stay on disk: one sample is read at a time, so that 10 GB take no more memory than 10 MB.

A memory map would do it with less code, but its pages count as the process's memory until the system takes them back.
"""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Protocol

import numpy as np

from edgekit_runtime.errors import DataError, first_line

NPY_MAGIC = np.lib.format.MAGIC_PREFIX
LOCAL_HEADER_BYTES = 30  # PKWARE's APPNOTE.TXT, 4.3.7: the lengths of name and extra field are its last four bytes
CHUNK_BYTES = 1 << 20
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


class Rows(Protocol):
    """An array, in memory or not, of which single rows are read."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape, `(N, ...)`."""
        ...

    @property
    def dtype(self) -> np.dtype:
        """Its type."""
        ...

    def __len__(self) -> int:
        """How many rows it has."""
        ...

    def __getitem__(self, index: int, /) -> np.ndarray:
        """One row."""
        ...


class StoredRows:
    """An array in a file, row after row.

    Args:
        path: The file.
        offset: Where the first row begins.
        shape: The array's shape, `(N, ...)`.
        dtype: Its type.
    """

    def __init__(self, path: Path, offset: int, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self._path = path
        self._offset = offset
        self.shape = shape
        self.dtype = dtype

    def __len__(self) -> int:
        """How many rows it has."""
        return self.shape[0]

    def __getitem__(self, index: int, /) -> np.ndarray:
        """Read one row.

        Raises:
            DataError: The file was cut off or taken away since it was opened.
        """
        count = math.prod(self.shape[1:])
        try:
            values = np.fromfile(
                self._path, self.dtype, count, offset=self._offset + index * count * self.dtype.itemsize
            )
            return values.reshape(self.shape[1:])
        except (OSError, ValueError) as error:
            raise DataError(f"{self._path}: sample {index} can no longer be read: {first_line(error)}") from error


def open_npy(path: Path) -> Rows:
    """Open an `.npy` file; where its samples do not lie one after the other (Fortran order), as a memory map.

    Raises:
        DataError: It cannot be read, or holds no plain numbers.
    """
    try:
        with open(path, "rb") as file:
            rows = _rows_at(path, file, 0, os.path.getsize(path))
        return np.load(path, mmap_mode="r", allow_pickle=False) if rows is None else rows
    except OSError as error:
        raise DataError(f"{path}: {(error.strerror or first_line(error)).lower()}.", hint="Check the path.") from error
    except (ValueError, EOFError, OverflowError) as error:
        raise DataError(f"{path}: not an .npy file of plain numbers: {first_line(error)}") from error


def stored_member(path: Path, archive: zipfile.ZipFile, name: str) -> Rows | None:
    """An array of an `.npz` file where it lies, after its checksum was proved; `None` if it must be read whole.

    Raises:
        BadZipFile: The checksum fails.
    """
    members: Mapping[str, zipfile.ZipInfo] = archive.NameToInfo
    member = members.get(name)
    if member is None or member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
        return None
    with archive.open(member) as stream:
        while stream.read(CHUNK_BYTES):
            pass  # zipfile compares the checksum at the end
    with open(path, "rb") as file:
        file.seek(member.header_offset)
        header = file.read(LOCAL_HEADER_BYTES)
        names = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        begin = member.header_offset + LOCAL_HEADER_BYTES + names
        return _rows_at(path, file, begin, begin + member.file_size)


def _rows_at(path: Path, file: IO[bytes], begin: int, end: int) -> StoredRows | None:
    """The array that begins there; `None` if its rows do not simply lie one after the other."""
    file.seek(begin)
    if file.read(len(NPY_MAGIC)) != NPY_MAGIC:
        return None
    file.seek(begin)
    read_header = HEADERS.get(np.lib.format.read_magic(file))
    if read_header is None:
        return None
    shape, fortran_order, dtype = read_header(file)
    plain = shape and not dtype.hasobject and dtype.itemsize > 0 and not (fortran_order and len(shape) > 1)
    if not plain or file.tell() + math.prod(shape) * dtype.itemsize > end:
        return None
    return StoredRows(path, file.tell(), shape, dtype)
