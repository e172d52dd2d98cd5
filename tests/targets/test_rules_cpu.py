"""edgekit_targets.rules.cpu: what it says of LiteRT's and onnxruntime's kernels is what these say."""

from __future__ import annotations

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from onnx import defs
from onnxruntime.capi.onnxruntime_pybind11_state import get_all_opkernel_def

from edgekit_targets.rules.cpu import ONNX_WITHOUT_KERNEL, WITHOUT_KERNEL


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


def test_onnxruntime_has_kernels_for_all_of_onnx_but_what_the_rule_names_and_what_is_made_of_others() -> None:
    kernels = {(kernel.domain, kernel.op_name) for kernel in get_all_opkernel_def()}
    lacking = {
        f"{one.domain}.{one.name}".removeprefix(".")
        for one in defs.get_all_schemas()
        if (one.domain, one.name) not in kernels and not one.has_function and not one.has_context_dependent_function
    }
    assert lacking == ONNX_WITHOUT_KERNEL | {"Constant"}, "a constant is no work for a kernel"
