"""Both branches of an `If` laid into the graph around it, so that shapes can be followed through them.

The result is no model that runs: nothing decides between the branches until a condition turns out to be constant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

BRANCHES = ("then_branch", "else_branch")


@dataclass(frozen=True)
class Choice:
    """An `If` that was taken apart.

    Attributes:
        condition: The tensor that it goes by.
        outputs: What it gives.
        then: What the one branch gives instead of each.
        other: What the other does.
    """

    condition: str
    outputs: tuple[str, ...]
    then: tuple[str, ...]
    other: tuple[str, ...]


def lay_flat(model: Any) -> tuple[Any, tuple[Choice, ...]]:
    """Take every `If` of a model's graph apart, those within others included.

    Args:
        model: The tables, which stay as they are. Where two tensors have one name, nothing is taken apart: ONNX wants
            names to be unique, but a file may break that.

    Returns:
        Tables without them, and the choices that are open.
    """
    names = Counter(name for node in _all_nodes(model.graph) for name in node.output if name)
    if not any(node.op_type == "If" for node in model.graph.node) or max(names.values()) > 1:
        return model, ()
    flat = type(model)()
    flat.CopyFrom(model)
    choices: list[Choice] = []
    nodes = [one for node in model.graph.node for one in _flattened(node, flat.graph, choices)]
    del flat.graph.node[:]
    flat.graph.node.extend(nodes)
    return flat, tuple(choices)


def _flattened(node: Any, graph: Any, choices: list[Choice]) -> Iterator[Any]:
    parts = {attribute.name: attribute.g for attribute in node.attribute if attribute.HasField("g")}
    if node.op_type != "If" or not all(name in parts for name in BRANCHES):
        yield node
        return
    for name in BRANCHES:
        graph.initializer.extend(parts[name].initializer)
        for inner in parts[name].node:
            yield from _flattened(inner, graph, choices)
    given = [tuple(value.name for value in parts[name].output) for name in BRANCHES]
    choices.append(Choice(node.input[0], tuple(node.output), *given))


def settle(model: Any, choices: Iterable[Choice], known: Mapping[str, np.ndarray]) -> tuple[Choice, ...]:
    """Let the branches that constant conditions choose give what their `If` gave; returns what stays open.

    Args:
        model: The tables, which are added to.
        choices: What is open.
        known: Constants by name.
    """
    still = []
    for choice in choices:
        condition = known.get(choice.condition)
        if condition is None:
            still.append(choice)
            continue
        taken = choice.then if condition.all() else choice.other
        for name, output in zip(taken, choice.outputs, strict=False):  # a damaged file may give fewer
            node = type(model.graph.node[0])(op_type="Identity", input=[name], output=[output])
            model.graph.node.insert(_behind(model.graph, name), node)
    return tuple(still)


def _behind(graph: Any, name: str) -> int:
    """The place right behind the operator that gives a tensor: what reads it comes later."""
    return next((place + 1 for place, node in enumerate(graph.node) if name in node.output), 0)


def tell(graph: Any, found: Mapping[str, Any]) -> None:
    """Write into the graphs within a graph what was found of their tensors.

    Args:
        graph: The tables, which are changed.
        found: Types and shapes by name.
    """
    for inner in (attribute.g for node in graph.node for attribute in node.attribute if attribute.HasField("g")):
        names = {name for node in inner.node for name in node.output}
        told = {info.name: info for info in inner.value_info}
        told |= {name: found[name] for name in names & found.keys()}
        del inner.value_info[:]
        inner.value_info.extend(told.values())
        for output in inner.output:
            if output.name in found:
                output.CopyFrom(found[output.name])
        tell(inner, found)


def _all_nodes(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _all_nodes(attribute.g)
