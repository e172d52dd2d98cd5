"""Read a finished model's file into a graph, whatever its format."""

from __future__ import annotations

from pathlib import Path

from edgekit_targets.graph.graph import Graph


def read_graph(path: Path) -> Graph:
    """Read a model's file; no interpreter is loaded.

    Raises:
        ModelError: It is no finished model, or damaged.
        MissingExtraError: The library that describes the file format is missing.
    """
    from edgekit_targets.graph.tflite import read_tflite

    return read_tflite(path)
