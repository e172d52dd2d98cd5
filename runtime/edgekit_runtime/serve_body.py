"""Bodies of requests to arrays, and results to bodies of answers."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal, Union

import numpy as np

from edgekit_runtime.errors import DataError, first_line
from edgekit_runtime.manifest import Manifest
from edgekit_runtime.serve_http import JSON_TYPE, KEPT, Body, HttpError, Response, json_response

NPY_TYPE = "application/x-npy"
TYPES = (JSON_TYPE, NPY_TYPE)
INTEGER_DIGITS = 19  # of int64; beyond, Python takes time that grows with the square of the length
LENGTH_SIZES = {b"\x01\x00": 2, b"\x02\x00": 4}  # bytes of an .npy header's length, by version
MAX_HEADER_BYTES = 10_000
MAX_AXES = 32  # that every numpy allows
Given = Union[np.ndarray, Mapping[str, np.ndarray]]


def read_body(body: Body, content_type: str, manifest: Manifest) -> Given:
    """The arrays in a body.

    Args:
        body: JSON, `{"inputs": ...}` with nested lists, one for each input name or a single one; or the
            bytes of an `.npy` file.
        content_type: What it is.
        manifest: Names the inputs.

    Raises:
        HttpError: It is of neither kind.
        DataError: It is not of the kind that it says.
    """
    kind = _kind(content_type)
    if kind == NPY_TYPE:
        return read_npy(body)
    if kind == JSON_TYPE:
        return _read_json(body, [binding.source.name for binding in manifest.inputs])
    raise HttpError(415, f"Content-Type is {kind or 'missing'!r}; allowed: {', '.join(TYPES)}.")


def read_npy(body: Body) -> np.ndarray:
    """The array of an `.npy` file of numbers; nothing in it is executed, and nothing is allocated on its word.

    Raises:
        DataError: It is no such file, or not whole.
    """
    begin = _data_begin(body)
    shape, order, dtype, wanted = _read_header(bytes(body[:begin]))
    if wanted != len(body) - begin:
        raise DataError(f"the array of shape {shape} takes {wanted} bytes; {len(body) - begin} are here.")
    return np.ndarray(shape, dtype, body, begin, order=order)


def samples_of(given: Given, manifest: Manifest) -> int:
    """How many samples there are; 1 where the shapes do not tell, which the model then refuses."""
    binding = manifest.inputs[0]
    value = given if isinstance(given, np.ndarray) else given.get(binding.source.name)
    rank = len(binding.source.sample_shape)
    if binding.preparation is not None and value is not None and value.dtype == np.uint8:
        rank = 3 if value.ndim == 4 or value.shape[-1:] in ((1,), (3,)) else 2
    return len(value) if value is not None and value.ndim == rank + 1 else 1


def result_response(outputs: Mapping[str, np.ndarray], accept: str, *, finite: bool = False) -> Response:
    """The outputs as the client wants them: JSON, or `.npy` where that is asked for and there is one output.

    Args:
        outputs: By their names.
        accept: The forms that the client takes.
        finite: Whether all values are known to be finite.

    Raises:
        DataError: An output is NaN or infinite, or is asked for in a form that it does not have.
    """
    for name, values in () if finite else outputs.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise DataError(f"output {name} is NaN or infinite.", hint="Check the range of what was given.")
    if not _wants_npy(accept):
        return json_response(200, {"outputs": {name: values.tolist() for name, values in outputs.items()}})
    if len(outputs) > 1:
        raise DataError(f"there are {len(outputs)} outputs, and an .npy file holds one; allowed: {JSON_TYPE}.")
    values = next(iter(outputs.values()))
    return Response(200, _write_header(values.shape, values.dtype) + values.tobytes(), NPY_TYPE)


@lru_cache(maxsize=KEPT)
def _kind(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


@lru_cache(maxsize=KEPT)
def _wants_npy(accept: str) -> bool:
    wishes = set(map(_kind, accept.split(",")))
    return NPY_TYPE in wishes and JSON_TYPE not in wishes


def _data_begin(body: Body) -> int:
    """Where the data of an `.npy` file begins; numpy, "NEP 1", versions 1.0 and 2.0."""
    size = LENGTH_SIZES.get(bytes(body[6:8]), 0) if body[:6] == b"\x93NUMPY" else 0
    begin = 8 + size + int.from_bytes(body[8 : 8 + size], "little")
    if not size or begin > min(len(body), MAX_HEADER_BYTES):
        raise DataError("the body is no .npy file of version 1.0 or 2.0.")
    return begin


@lru_cache(maxsize=KEPT)
def _read_header(head: bytes) -> tuple[tuple[int, ...], Literal["C", "F"], np.dtype[Any], int]:
    """Shape, order, type and bytes; kept, as a client sends the same again and again, and numpy takes long over it."""
    file = io.BytesIO(head[8:])
    readers = {2: np.lib.format.read_array_header_1_0, 4: np.lib.format.read_array_header_2_0}
    try:
        shape, fortran, dtype = readers[LENGTH_SIZES[head[6:8]]](file)
    except Exception as error:  # numpy hands on whatever Python's parser raises on a broken header
        raise DataError(f"the body is no .npy file: {first_line(error)}.") from error
    if dtype.kind not in "fiub":
        raise DataError(f"the array is of type {str(dtype)[:40]}; allowed: numbers.")
    if min(shape, default=1) < 1 or len(shape) > MAX_AXES:
        raise DataError(f"the array is of shape {str(shape)[:40]}; allowed: up to {MAX_AXES} axes, none of them empty.")
    return shape, "F" if fortran else "C", dtype, math.prod(shape) * dtype.itemsize


@lru_cache(maxsize=KEPT)
def _write_header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, np.empty(shape, dtype), allow_pickle=False)
    return file.getvalue()[: _data_begin(file.getvalue())]


def _read_json(body: Body, names: list[str]) -> Mapping[str, np.ndarray]:
    try:
        tree = json.loads(body.decode("utf-8"), parse_int=_integer, parse_constant=_refuse)
    except RecursionError as error:
        raise DataError("the body is nested too deeply.") from error
    except ValueError as error:
        raise DataError(f"the body is no JSON in UTF-8: {first_line(error)}.") from error
    if not isinstance(tree, dict) or set(tree) != {"inputs"}:
        raise DataError('the body is not of the form {"inputs": ...}.')
    inputs = tree["inputs"]
    if not isinstance(inputs, dict):
        if len(names) > 1:
            raise DataError(f"the inputs have no names; allowed: an object with {', '.join(names)}.")
        inputs = {names[0]: inputs}
    return {name: _array(name, value) for name, value in inputs.items()}


def _array(name: str, value: object) -> np.ndarray:
    try:
        array = np.asarray(value)
    except (ValueError, RecursionError, OverflowError) as error:
        raise DataError(f"input {name[:40]} is no array: its rows differ in length or depth.") from error
    if array.dtype.kind not in "fiub":
        raise DataError(f"input {name[:40]} is no array of numbers.")
    return array


def _integer(text: str) -> float:
    return int(text) if len(text) <= INTEGER_DIGITS else float(text)


def _refuse(name: str) -> float:
    raise ValueError(f"it holds {name}")
