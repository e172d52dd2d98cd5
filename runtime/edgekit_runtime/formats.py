"""Tell what a model file is by its content, with nothing but the standard library."""

from __future__ import annotations

import os
from typing import IO

from edgekit_runtime.protobuf import BYTES, FIXED_LENGTHS, VARINT, read_varint

TFLITE_MAGIC = b"TFL3"  # at byte 4: the identifier in TensorFlow Lite's schema.fbs
# Field numbers of ModelProto in ONNX's onnx.proto; the file has no magic number of its own.
ONNX_FIELDS = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26})
ONNX_GRAPH = 7


def is_tflite(file: IO[bytes]) -> bool:
    """Whether a file is a `.tflite` one, by the magic number that it begins with."""
    file.seek(0)
    return file.read(8)[4:8] == TFLITE_MAGIC


def is_onnx(file: IO[bytes]) -> bool:
    """Whether a file is an `.onnx` one: a chain of just the fields that ONNX's ModelProto has, a graph among them."""
    size = file.seek(0, os.SEEK_END)
    place, graph = file.seek(0), False
    while place < size:
        key = read_varint(file)
        field, wire = (key >> 3, key & 7) if key is not None else (0, 0)
        if field not in ONNX_FIELDS or not _skip(file, wire, size):
            return False
        graph = graph or (field == ONNX_GRAPH and wire == BYTES)
        place = file.tell()
    return graph


def _skip(file: IO[bytes], wire: int, size: int) -> bool:
    if wire == VARINT:
        return read_varint(file) is not None
    length = FIXED_LENGTHS.get(wire)
    if wire == BYTES:
        length = read_varint(file)
    if length is None:
        return False
    return file.seek(length, os.SEEK_CUR) <= size
