"""A model for Vela to judge, without the weights that it would encode at length and reads nothing from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgekit_targets.graph.graph import Subgraph, Tensor

WEIGHED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
WEIGHTS = 1  # which input; a transposed convolution gives its shape before, and has its weights in the same place
INTEGERS = ("int8", "uint8")
WORTH_BYTES = 4096
# Vela holds the sum of an output channel's weights against 8,323,072, which so many of 8 bits cannot reach.
MOST_EACH = 60_000


def without_weights(model: Path, graph: Subgraph) -> bytes:
    """The file with zeros for weights whose values no rule of Vela can turn on; encoding them is most of its work.

    Args:
        model: The `.tflite` file.
        graph: Its main graph, whose constants are views into the file.
    """
    content, weights = model.read_bytes(), _weights(graph)
    if not weights:
        return content
    blank = bytearray(content)
    for tensor in weights:
        place = _place(tensor, content)
        if place is not None and tensor.data is not None:
            blank[place : place + tensor.data.nbytes] = bytes(tensor.data.nbytes)
    return bytes(blank)


def _weights(graph: Subgraph) -> list[Tensor]:
    """Constants that are weights of such operators, and nothing else."""
    weights: set[tuple[int, int]] = set()
    others: set[tuple[int, int]] = set()
    for operator in graph.operators:
        for place, read in enumerate(operator.inputs):
            storage = None if read is None else graph.tensors[read].storage
            if read is not None and storage is not None:
                is_weight = place == WEIGHTS and operator.name in WEIGHED and _can_be_blank(graph.tensors[read])
                (weights if is_weight else others).add((storage, read))
    used = {storage for storage, _ in others}
    return [graph.tensors[read] for storage, read in sorted(weights) if storage not in used]


def _can_be_blank(tensor: Tensor) -> bool:
    if tensor.dtype not in INTEGERS or tensor.data is None or tensor.data.nbytes < WORTH_BYTES:
        return False
    return int(np.prod(tensor.shape[1:])) <= MOST_EACH


def _place(tensor: Tensor, content: bytes) -> int | None:
    """Where a constant stands in the file, which its view was cut from; `None` where it was not."""
    if tensor.data is None or not isinstance(tensor.data.obj, bytes) or len(tensor.data.obj) != len(content):
        return None
    address = np.frombuffer(tensor.data, np.uint8).__array_interface__["data"][0]
    place = int(address - np.frombuffer(tensor.data.obj, np.uint8).__array_interface__["data"][0])
    return place if content[place : place + tensor.data.nbytes] == tensor.data else None
