"""Sessions of onnxruntime that add integer products without cutting off sums, on any processor.

x86-64 processors without VNNI instructions add two products of uint8 by int8 in 16 bits, and cut off what is beyond;
others, Arm's among them, do not. onnxruntime has kernels that do not, either. They are slower, also where there is
nothing to cut off. onnxruntime 1.31 refuses them where two operators share weights, and does not take them inside a
sub-graph for weights that are outside.
"""

from __future__ import annotations

import contextlib
import functools
import os
import platform
from typing import Any, Callable

import numpy as np

from edgekit_runtime.onnx_weights import part_weights
from edgekit_runtime.protobuf import delimited, varint

ERRORS_ONLY, NOTHING = 3, 4  # severity of onnxruntime's log
PROVIDERS = ["CPUExecutionProvider"]
EXACT_PRODUCTS = ("session.x64quantprecision", "1")
FOLDER_OF_WEIGHTS = "session.model_external_initializers_file_folder_path"
X86 = frozenset({"x86_64", "AMD64"})  # as platform.machine() tells it, by system
ROWS, COLUMNS = 64, 8
UINT8, INT8, INT32 = 2, 3, 6  # of ONNX's TensorProto.DataType


def exact_session(model: str | bytes, options_at: Callable[[int], Any], **settings: Any) -> Any:
    """A session that adds integer products without cutting off sums, where onnxruntime takes the model so.

    Args:
        model: The file's path, or its content.
        options_at: Makes the options of a session that logs at a severity.
        settings: Of the session.

    Raises:
        Exception: Of onnxruntime's own kinds, which have no common base: it refuses the model.
    """
    from onnxruntime import InferenceSession

    if cuts_off_sums():
        options = options_at(NOTHING)
        options.add_session_config_entry(*EXACT_PRODUCTS)
        if isinstance(model, str):
            options.add_session_config_entry(FOLDER_OF_WEIGHTS, os.path.dirname(os.path.abspath(model)))
        with contextlib.suppress(Exception):  # without it, it is refused for its own sake, or taken
            content = part_weights(_content(model))
            return InferenceSession(content, options, providers=PROVIDERS, **settings)
    return InferenceSession(model, options_at(ERRORS_ONLY), providers=PROVIDERS, **settings)


def _content(model: str | bytes) -> bytes:
    if isinstance(model, bytes):
        return model
    with open(model, "rb") as file:
        return file.read()


@functools.cache
def cuts_off_sums() -> bool:
    """Whether this processor's fastest products of uint8 by int8 are wrong where they are large."""
    if platform.machine() not in X86:
        return False
    from onnxruntime import InferenceSession, SessionOptions

    options, largest = SessionOptions(), np.full((1, ROWS), 255, np.uint8)
    options.intra_op_num_threads = 1
    with contextlib.suppress(Exception):  # a build without this operator cuts off nothing
        (sums,) = InferenceSession(_product(), options, providers=PROVIDERS).run(None, {"x": largest})
        return bool((sums != 255 * 127 * ROWS).any())
    return False


def _product() -> bytes:
    """An `.onnx` file: `x (1, 64)` uint8 by a constant int8 matrix of 127 is `y (1, 8)` int32."""
    weights = varint(1, ROWS) + varint(1, COLUMNS) + varint(2, INT8) + delimited(8, b"w")
    node = delimited(1, b"x") + delimited(1, b"w") + delimited(2, b"y") + delimited(4, b"MatMulInteger")
    graph = (
        delimited(1, node)
        + delimited(2, b"product")
        + delimited(5, weights + delimited(9, bytes([127]) * (ROWS * COLUMNS)))
        + delimited(11, _value(b"x", UINT8, ROWS))
        + delimited(12, _value(b"y", INT32, COLUMNS))
    )
    return varint(1, 8) + delimited(8, varint(2, 17)) + delimited(7, graph)


def _value(name: bytes, kind: int, length: int) -> bytes:
    shape = b"".join(delimited(1, varint(1, size)) for size in (1, length))
    return delimited(1, name) + delimited(2, delimited(1, varint(1, kind) + delimited(2, shape)))
