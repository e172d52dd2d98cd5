"""Tell an ONNX model's compiler an older opset, where all of the model means the same there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx

from edgekit_converters.onnx.walk import STANDARD, nodes, opset_of


def lower(path: Path, opset: int, into: Path) -> Path:
    """The same model in an older opset, for a compiler that reads no newer one.

    Args:
        path: The model.
        opset: The newest that the compiler reads.
        into: Where a rewritten one goes.

    Returns:
        The rewritten file; the model's own where that is old enough, or has an operator that changed since.
    """
    model = onnx.load_model(str(path))
    if opset_of(model) <= opset or _newer(model, opset):
        return path
    for owner in (model, *model.functions):
        for entry in owner.opset_import:
            if entry.domain in STANDARD:
                entry.version = min(entry.version, opset)
    onnx.save_model(model, str(into))
    return into


def newer(path: Path, opset: int) -> frozenset[str]:
    """The kinds of operators of a model that came, or changed, after an opset."""
    return _newer(onnx.load_model(str(path), load_external_data=False), opset)


def _newer(model: Any, opset: int) -> frozenset[str]:  # a ModelProto: onnx ships no types
    written = opset_of(model)
    kinds = {node.op_type for node in nodes(model) if node.domain in STANDARD}
    return frozenset(kind for kind in kinds if onnx.defs.has(kind) and _since(kind, written) > opset)


def _since(kind: str, opset: int) -> int:
    """The opset that what an operator means in a given one dates from; the next one where it was not there yet."""
    try:
        return int(onnx.defs.get_schema(kind, opset).since_version)
    except onnx.defs.SchemaError:
        return opset + 1
