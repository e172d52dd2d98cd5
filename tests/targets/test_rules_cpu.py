"""edgekit_targets.rules.cpu: what it says of LiteRT's kernels is what LiteRT says."""

from __future__ import annotations

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from edgekit_targets.rules.cpu import WITHOUT_KERNEL


def file_with(operator: str) -> bytes:
    """A file with one operator between two float tensors."""
    model, graph, code, call = schema.ModelT(), schema.SubGraphT(), schema.OperatorCodeT(), schema.OperatorT()
    code.builtinCode = getattr(schema.BuiltinOperator, operator)
    code.deprecatedBuiltinCode, code.version = min(127, code.builtinCode), 1
    tensors = [schema.TensorT(), schema.TensorT()]
    for tensor in tensors:
        tensor.name, tensor.shape, tensor.type, tensor.buffer = "tensor", [1, 4], schema.TensorType.FLOAT32, 0
    call.opcodeIndex, call.inputs, call.outputs = 0, [0], [1]
    graph.name, graph.tensors, graph.inputs, graph.outputs, graph.operators = "main", tensors, [0], [1], [call]
    model.version, model.buffers, model.operatorCodes, model.subgraphs = 3, [schema.BufferT()], [code], [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.mark.parametrize("operator", sorted(WITHOUT_KERNEL))
def test_litert_has_no_kernel_for_what_the_rule_names(operator: str) -> None:
    with pytest.raises(ValueError, match="Didn't find op for builtin opcode"):
        Interpreter(model_content=file_with(operator))


@pytest.mark.parametrize("operator", ["RELU", "STABLEHLO_ADD", "STABLEHLO_GATHER", "HARD_SWISH", "GELU", "ATAN2"])
def test_litert_has_kernels_for_others(operator: str) -> None:
    assert operator not in WITHOUT_KERNEL
    try:
        Interpreter(model_content=file_with(operator))
    except ValueError as error:
        assert "Didn't find op" not in str(error)  # noqa: PT017  # settings may be missing, but not the kernel
