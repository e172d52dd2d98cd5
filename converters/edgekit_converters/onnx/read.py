"""Read an `.onnx` file, and refuse what cannot run, before a library takes it on trust."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnxruntime.capi import onnxruntime_pybind11_state as runtime

from edgekit_converters.onnx.walk import STANDARD, constants, nodes, opset_of
from edgekit_runtime.errors import ModelError, first_line

NEWEST_OPSET, NEWEST_IR = 26, 13  # of onnxruntime 1.31; tests hold both to what it takes
MOST_BYTES = 2**31 - 1  # of a protocol buffer
REAL = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16)


def read_model(path: Path) -> Any:
    """Read a model with its external data, every fault told in one line.

    Args:
        path: The file.

    Returns:
        A `ModelProto` that holds all its constants.

    Raises:
        ModelError: It is damaged, newer than onnxruntime, has operators that onnxruntime lacks, weights that
            are NaN, or external data that is missing or lies elsewhere.
    """
    model = _parse(path)
    _check_versions(path, model)
    _check_operators(path, model)
    _load_external(path, model)
    _check_numbers(path, model)
    return model


def _parse(path: Path) -> Any:
    try:
        model = onnx.load_model(str(path), load_external_data=False)
    except Exception as error:  # protobuf's own kinds, and none of them promised
        raise ModelError(f"{path}: it is damaged: {first_line(error)}", hint="Export it again.") from error
    if not model.graph.node:
        raise ModelError(f"{path}: it has no operators.", hint="Export the model again.")
    return model


def _check_versions(path: Path, model: Any) -> None:
    opset = opset_of(model)
    if opset > NEWEST_OPSET:
        raise ModelError(
            f"{path}: it is written in opset {opset}; allowed: up to {NEWEST_OPSET}.",
            hint=f"Export it again with opset_version={NEWEST_OPSET} or lower.",
        )
    if model.ir_version > NEWEST_IR:
        raise ModelError(
            f"{path}: it is of version {model.ir_version} of the ONNX format; allowed: up to {NEWEST_IR}.",
            hint="Export it again with an older onnx, or lower its ir_version.",
        )


def _check_operators(path: Path, model: Any) -> None:
    """Refuse operators that are neither onnxruntime's nor functions of the model, all of them at once."""
    known = {(_domain(schema.domain), schema.name) for schema in runtime.get_all_operator_schema()}
    known |= {(_domain(function.domain), function.name) for function in model.functions}
    used = Counter((_domain(node.domain), node.op_type) for node in nodes(model))
    unknown = {key: count for key, count in used.items() if key not in known}
    if unknown:
        listed = ", ".join(
            f"{name} of {domain or 'ONNX'} ({count} time{'s' if count > 1 else ''})"
            for (domain, name), count in sorted(unknown.items())
        )
        raise ModelError(
            f"{path}: it has operators that onnxruntime lacks: {listed}.",
            hint="Export it with standard operators only: edgekit runs no operators of others.",
        )


def _domain(name: str) -> str:
    return "" if name in STANDARD else name


def _load_external(path: Path, model: Any) -> None:
    outside = [(name, tensor) for name, tensor in constants(model) if _is_external(tensor)]
    for name, tensor in outside:
        _check_place(path, name, {entry.key: entry.value for entry in tensor.external_data})
    total = sum(_bytes_of(tensor) for _, tensor in outside) + model.ByteSize()
    if total > MOST_BYTES:
        raise ModelError(
            f"{path}: its weights take {total / 2**30:.1f} GiB; allowed: under 2 GiB.",
            hint="Such a model does not fit an edge device; export a smaller one.",
        )
    if not outside:
        return
    try:
        onnx.load_external_data_for_model(model, str(path.parent))
    except Exception as error:  # onnx's checks raise many kinds
        raise ModelError(f"{path}: its external data cannot be read: {first_line(error)}") from error


def _check_place(path: Path, name: str, entry: dict[str, str]) -> None:
    """External data lies beside the file, or below; a model that points elsewhere reads what it has no right to."""
    location = entry.get("location", "")
    folder = os.path.realpath(path.parent)
    place = os.path.realpath(os.path.join(folder, location))
    if not location or os.path.isabs(location) or os.path.commonpath((folder, place)) != folder:
        raise ModelError(
            f"{path}: the data of {name} lies in {location!r}, outside the model's folder; allowed: files beside it.",
            hint="If you trust its author, move the data beside the model and export it again.",
        )
    if not os.path.isfile(place):
        raise ModelError(
            f"{path}: the data of {name} lies in {location}, which is missing.", hint="Put that file beside the model."
        )
    try:
        end = int(entry.get("offset", "0")) + int(entry.get("length", "0"))
    except ValueError as error:
        raise ModelError(f"{path}: where the data of {name} lies cannot be read: {entry}.") from error
    if end > os.path.getsize(place):
        raise ModelError(
            f"{path}: {location} ends before the data of {name} does.", hint="Copy it again; it is cut short."
        )


def _is_external(tensor: Any) -> bool:
    return bool(tensor.data_location == onnx.TensorProto.EXTERNAL)


def _bytes_of(tensor: Any) -> int:
    length = next((entry.value for entry in tensor.external_data if entry.key == "length"), None)
    if length is not None and length.isdigit():
        return int(length)
    return int(np.prod([float(size) for size in tensor.dims]) * 4)


def _check_numbers(path: Path, model: Any) -> None:
    for name, tensor in constants(model):
        if tensor.data_type not in REAL:
            continue
        try:
            values = numpy_helper.to_array(tensor)
        except Exception as error:  # numpy's and onnx's kinds, by what is wrong
            raise ModelError(f"{path}: constant {name} is damaged: {first_line(error)}") from error
        if np.isnan(values).any():  # infinite ones are in order: attention masks are made of them
            raise ModelError(f"{path}: {name} holds NaN.", hint="Train the model again: its weights are lost.")
