"""Give every operator of an `.onnx` file int8 weights of its own, with nothing but the standard library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Union

from edgekit_runtime.protobuf import delimited, fields

# Field numbers of onnx.proto.
MODEL_GRAPH = 7
GRAPH_NODE, GRAPH_CONSTANT = 1, 5
NODE_INPUT, NODE_OUTPUT, NODE_NAME, NODE_KIND = 1, 2, 3, 4
TENSOR_TYPE, TENSOR_NAME = 2, 8
INT8 = 3  # of TensorProto.DataType
RESTORE = "DequantizeLinear"
OF_ACTIVATIONS = (RESTORE, "QuantizeLinear")

Message = Union[bytes, memoryview]


def part_weights(model: bytes) -> bytes:
    """The same model, in which no two operators share int8 weights, be it through a `DequantizeLinear` or not.

    Operators inside the sub-graphs of others keep theirs.

    Args:
        model: Content of an `.onnx` file.

    Raises:
        ValueError: It is none.
    """
    return b"".join(
        delimited(MODEL_GRAPH, _part_graph(field.payload)) if field.number == MODEL_GRAPH else field.raw
        for field in fields(memoryview(model))
    )


def _part_graph(graph: memoryview) -> bytes:
    weights = _Weights(_int8_constants(graph))
    parts: list[Message] = []
    for field in fields(graph):
        if field.number == GRAPH_NODE:
            nodes = weights.part(_Node.read(field.payload))
            parts += (delimited(GRAPH_NODE, node.message) for node in nodes)
        else:
            parts.append(field.raw)
    return b"".join((*parts, *weights.copies))


def _int8_constants(graph: memoryview) -> dict[str, memoryview]:
    found = {}
    for field in fields(graph):
        if field.number != GRAPH_CONSTANT:
            continue
        name, kind = "", 0
        for part in fields(field.payload):
            if part.number == TENSOR_NAME:
                name = str(part.payload, "utf-8")
            elif part.number == TENSOR_TYPE:
                kind = part.integer
        if kind == INT8:
            found[name] = field.payload
    return found


class _Node(NamedTuple):
    kind: str
    inputs: tuple[str, ...]
    output: str
    message: Message

    @classmethod
    def read(cls, message: Message) -> _Node:
        texts: dict[int, list[str]] = {NODE_INPUT: [], NODE_OUTPUT: [""], NODE_KIND: [""]}
        for field in fields(memoryview(message)):
            if field.number in texts:
                texts[field.number].append(str(field.payload, "utf-8"))
        return cls(texts[NODE_KIND][-1], tuple(texts[NODE_INPUT]), texts[NODE_OUTPUT][-1], message)

    def reading(self, inputs: tuple[str, ...]) -> _Node:
        if inputs == self.inputs:
            return self
        names = b"".join(delimited(NODE_INPUT, name.encode()) for name in inputs)
        return self._replace(inputs=inputs, message=names + self._without(NODE_INPUT))

    def writing(self, output: str) -> _Node:
        """The same under no name, since names of operators are given once."""
        message = delimited(NODE_OUTPUT, output.encode()) + self._without(NODE_NAME, NODE_OUTPUT)
        return self._replace(output=output, message=message)

    def _without(self, *numbers: int) -> bytes:
        return b"".join(field.raw for field in fields(memoryview(self.message)) if field.number not in numbers)


class _Weights:
    """Who reads which weights of a graph: a second reader is given a copy."""

    def __init__(self, constants: Mapping[str, memoryview]) -> None:
        self._constants = constants
        self._restores: dict[str, _Node] = {}
        self._read: set[str] = set()
        self._count = 0
        self.copies: list[bytes] = []

    def part(self, node: _Node) -> list[_Node]:
        """The operator, and before it those that restore weights for it alone."""
        if node.kind in OF_ACTIVATIONS and not self._constants.keys() & node.inputs[:1]:
            return [node]
        if node.kind == RESTORE:
            self._restores[node.output] = node
            return [self._with_own(node)]
        restores, inputs = [], []
        for name in node.inputs:
            restore = self._restores.get(name)
            if restore is None or self._is_first(name):
                inputs.append(name)
            else:
                restores.append(self._with_own(restore.writing(self._new_name(name))))
                inputs.append(restores[-1].output)
        return [*restores, self._with_own(node.reading(tuple(inputs)))]

    def _with_own(self, node: _Node) -> _Node:
        return node.reading(tuple(map(self._constant_for_one, node.inputs)))

    def _constant_for_one(self, name: str) -> str:
        if name not in self._constants or self._is_first(name):
            return name
        copy = self._new_name(name)
        rest = b"".join(field.raw for field in fields(self._constants[name]) if field.number != TENSOR_NAME)
        self.copies.append(delimited(GRAPH_CONSTANT, rest + delimited(TENSOR_NAME, copy.encode())))
        return copy

    def _is_first(self, name: str) -> bool:
        first = name not in self._read
        self._read.add(name)
        return first

    def _new_name(self, name: str) -> str:
        self._count += 1
        return f"{name}/reader {self._count}"
