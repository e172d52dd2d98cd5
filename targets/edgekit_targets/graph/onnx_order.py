"""The order of operators in an ONNX graph."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any

from edgekit_targets.graph.onnx_shapes import names_read


def put_in_order(graph: Any) -> None:
    """Put each operator after those whose outputs it reads, in a graph and the graphs within it.

    ONNX asks for that order. onnxruntime finds it by itself, and its quantizer writes files that lack it.

    Raises:
        ValueError: Operators wait for each other in a circle.
    """
    for node in graph.node:
        for inner in _graphs(node):
            put_in_order(inner)
    makers: dict[str, int] = {}
    for place, node in enumerate(graph.node):
        for name in node.output:
            makers.setdefault(name, place)  # who reads a graph tells of names that are made twice
    makers.pop("", None)
    waits = [{makers[name] for name in _read(node) if name in makers} for node in graph.node]
    if all(made < place for place, earlier in enumerate(waits) for made in earlier):
        return
    nodes = [type(node).FromString(node.SerializeToString()) for node in graph.node]
    order = _order(waits)
    del graph.node[:]
    graph.node.extend(nodes[place] for place in order)


def _order(waits: list[set[int]]) -> list[int]:
    """The places, each after those that it waits for, and otherwise as they were."""
    followers: dict[int, list[int]] = {}
    for place, earlier in enumerate(waits):
        for made in earlier:
            followers.setdefault(made, []).append(place)
    left = [len(earlier) for earlier in waits]
    ready = [place for place, count in enumerate(left) if not count]
    order = []
    while ready:
        order.append(heapq.heappop(ready))
        for follower in followers.get(order[-1], ()):
            left[follower] -= 1
            if not left[follower]:
                heapq.heappush(ready, follower)
    if len(order) < len(waits):
        raise ValueError("its operators wait for each other in a circle")
    return order


def _read(node: Any) -> Iterator[str]:
    yield from node.input
    for inner in _graphs(node):
        yield from names_read(inner)


def _graphs(node: Any) -> Iterator[Any]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs
