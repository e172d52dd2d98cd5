"""Give the inputs and outputs of an ONNX graph the names that its source has for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def name_borders(model: Any, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Rename the inputs and outputs of a graph, in their order.

    Args:
        model: A `ModelProto`, which is changed.
        inputs: Names of its inputs.
        outputs: Names of its outputs.
    """
    graph = model.graph
    renamed = _free_names(graph, (*inputs, *outputs))
    for border, names in ((graph.input, inputs), (graph.output, outputs)):
        for value, name in zip(border, names, strict=True):
            renamed[value.name] = name
            value.name = name
    for node in graph.node:
        _rename(node.input, renamed)
        _rename(node.output, renamed)


def _free_names(graph: Any, wanted: Sequence[str]) -> dict[str, str]:
    """New names for inner tensors that have one of the wanted names already."""
    borders = {value.name for value in (*graph.input, *graph.output)}
    inner = {name for node in graph.node for name in node.output} | {value.name for value in graph.initializer}
    taken = inner | borders | set(wanted)
    renamed: dict[str, str] = {}
    for name in sorted((inner - borders) & set(wanted)):
        fresh = f"{name}_inner"
        while fresh in taken:
            fresh += "_"
        taken.add(fresh)
        renamed[name] = fresh
    for value in graph.initializer:
        value.name = renamed.get(value.name, value.name)
    return renamed


def _rename(names: Any, renamed: dict[str, str]) -> None:
    for place, name in enumerate(names):
        names[place] = renamed.get(name, name)
