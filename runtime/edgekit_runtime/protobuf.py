"""The wire format of protocol buffers, with nothing but the standard library: what ONNX files are written in."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO, NamedTuple, Optional

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types
FIXED_LENGTHS = {FIXED64: 8, FIXED32: 4}
MOST_BYTES = 10  # of a varint
MOST_HEAD_BYTES = 2 * MOST_BYTES  # of a field: its number, and its value or length


class Field(NamedTuple):
    """One field of a message.

    Attributes:
        number: By which the message's definition names it.
        integer: Its value where that is a varint, else 0.
        payload: Its bytes where it is a string or a message, else none.
        raw: The whole of it, as it stands.
    """

    number: int
    integer: int
    payload: memoryview
    raw: memoryview


def read_varint(file: IO[bytes]) -> Optional[int]:
    """The integer that begins where the file stands; `None` where none does."""
    value = 0
    for shift in range(0, 7 * MOST_BYTES, 7):
        byte = file.read(1)
        if not byte:
            return None
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    return None


def fields(message: memoryview) -> Iterator[Field]:
    """The fields of a message, in their order.

    Raises:
        ValueError: It is no chain of fields.
    """
    place = 0
    while place < len(message):
        head = io.BytesIO(message[place : place + MOST_HEAD_BYTES])
        key = _need(read_varint(head))
        wire, integer, length = key & 7, 0, 0
        if wire == VARINT:
            integer = _need(read_varint(head))
        elif wire == BYTES:
            length = _need(read_varint(head))
        else:
            length = _need(FIXED_LENGTHS.get(wire))
        begin = place + head.tell()
        end = begin + length
        if end > len(message):
            raise ValueError("a field of a message ends behind it")
        yield Field(key >> 3, integer, message[begin : end if wire == BYTES else begin], message[place:end])
        place = end


def varint(number: int, value: int) -> bytes:
    """A field that holds an integer of 0 or more."""
    return _varint(number << 3 | VARINT) + _varint(value)


def delimited(number: int, payload: bytes | memoryview) -> bytes:
    """A field that holds a string or a message."""
    return _varint(number << 3 | BYTES) + _varint(len(payload)) + bytes(payload)


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*encoded, value))


def _need(value: Optional[int]) -> int:
    if value is None:
        raise ValueError("a message is cut off, or holds a field of no kind")
    return value
