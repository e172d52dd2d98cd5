"""Walk over an ONNX model: its graphs, the sub-graphs of `If`, `Loop` and `Scan`, their operators and constants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Proto = Any  # onnx ships no types; this package is their border

STANDARD = ("", "ai.onnx")  # two names of ONNX's own domain


def graphs(graph: Proto) -> Iterator[Proto]:
    """A graph and all graphs inside it."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from graphs(inner)


def read_inside(graph: Proto) -> set[str]:
    """The tensors that the sub-graphs of a graph read, those of the graph around them among these."""
    return {name for inner in graphs(graph) if inner is not graph for node in inner.node for name in node.input} | {
        value.name for inner in graphs(graph) if inner is not graph for value in inner.output
    }


def nodes(model: Proto) -> Iterator[Proto]:
    """Every operator, sub-graphs and the model's own functions included."""
    for graph in graphs(model.graph):
        yield from graph.node
    for function in model.functions:
        yield from function.node


def constants(model: Proto) -> Iterator[tuple[str, Proto]]:
    """Every constant under its tensor's name: initializers, and what `Constant` operators hold."""
    for graph in graphs(model.graph):
        for initializer in graph.initializer:
            yield initializer.name, initializer
        for node in graph.node:
            for attribute in node.attribute:
                for tensor in (*([attribute.t] if attribute.HasField("t") else []), *attribute.tensors):
                    yield node.output[0] if node.output else node.name, tensor


def opset_of(model: Proto) -> int:
    """The version of ONNX's own operators that a model is written in; 1 where it does not say."""
    return max((entry.version for entry in model.opset_import if entry.domain in STANDARD), default=1)
