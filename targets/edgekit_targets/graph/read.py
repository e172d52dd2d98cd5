"""Read a finished model's file into a graph, whatever its format."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgekit_runtime.errors import ModelError
from edgekit_runtime.interpreter import detect_format
from edgekit_targets.graph.graph import Graph


def is_model_file(path: Path) -> bool:
    """Whether it is a file that devices run, by its content."""
    try:
        detect_format(path)
    except ModelError:
        return False
    return True


def read_graph(path: Path, shapes: Mapping[str, tuple[int, ...]] | None = None) -> Graph:
    """Read a model's file; no interpreter is loaded.

    Args:
        path: The file.
        shapes: Shapes of inputs whose axes the file leaves open, by name; only an `.onnx` file can leave any open.

    Raises:
        ModelError: It is no finished model, or damaged, or an input does not take the shape.
        MissingExtraError: The library that describes the file format is missing.
    """
    if detect_format(path) == "onnx":
        from edgekit_targets.graph.onnx import read_onnx

        return read_onnx(path, shapes)
    if shapes:
        raise ModelError(f"{path}: the shapes in a .tflite file are fixed.", hint="Leave --shape out.")
    from edgekit_targets.graph.tflite import read_tflite

    return read_tflite(path)
