"""edgekit_runtime.protobuf: fields that are written are read as they were, and what is cut off is refused."""

from __future__ import annotations

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_runtime.protobuf import delimited, fields, varint

NUMBERS = st.integers(1, 1000)
WRITTEN = st.lists(st.tuples(NUMBERS, st.integers(0, 2**63 - 1) | st.binary(max_size=300)), max_size=8)


def write(written):
    return [varint(number, value) if isinstance(value, int) else delimited(number, value) for number, value in written]


@given(WRITTEN)
def test_fields_are_read_as_they_were_written(written):
    parts = write(written)
    read = list(fields(memoryview(b"".join(parts))))
    assert [
        (f.number, f.integer if isinstance(value, int) else bytes(f.payload))
        for f, (_, value) in zip(read, written, strict=True)
    ] == written
    assert [bytes(f.raw) for f in read] == parts


@given(WRITTEN.filter(bool), st.data())
def test_a_message_that_is_cut_off_inside_a_field_is_refused(written, data):
    parts = write(written)
    message, last = b"".join(parts), parts[-1]
    kept = data.draw(st.integers(len(message) - len(last) + 1, len(message) - 1))
    with pytest.raises(ValueError, match=r"cut off|ends behind it"):
        list(fields(memoryview(message[:kept])))


@given(st.binary(max_size=64))
def test_any_bytes_are_fields_or_refused(content):
    try:
        read = list(fields(memoryview(content)))
    except ValueError:
        return
    assert b"".join(field.raw for field in read) == content


def test_numbers_of_a_fixed_length_are_passed_over():
    tensor = onnx.TensorProto(float_data=[1.5], double_data=[2.5], name="last")
    attribute = onnx.AttributeProto(f=0.5, name="first")
    assert [field.number for field in fields(memoryview(attribute.SerializeToString()))] == [1, 2]
    assert bytes(list(fields(memoryview(tensor.SerializeToString())))[1].payload) == b"last"
