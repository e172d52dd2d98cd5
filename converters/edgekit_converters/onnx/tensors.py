"""Every tensor between the operators of an `.onnx` file, sample by sample."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edgekit_converters.onnx.read import read_model
from edgekit_converters.onnx.sessions import open_session
from edgekit_runtime.errors import ModelError
from edgekit_runtime.onnx import DTYPES, reason
from edgekit_runtime.tensor import Quantization, TensorSpec

MOST_BYTES = 256 * 2**20  # of activations in memory at once; a model with more of them is run once for each part


class TensorReader:
    """An `.onnx` model that gives every activation, for calibration and comparison.

    It has the face of the reader for `.tflite` files. Tensors inside the sub-graphs of `If` and `Loop` are
    not shown; what these give to the graph around them is.

    Args:
        path: The file.
        names: The activations to give; `None` for all.
        optimized: Whether onnxruntime may fuse what lies between them: faster, with other roundings.

    Raises:
        ModelError: onnxruntime refuses the file.
    """

    def __init__(self, path: Path, names: Collection[str] | None = None, *, optimized: bool = False) -> None:
        self._path, self._optimized = path, optimized
        self._model = read_model(path)
        graph = self._model.graph
        constants = {initializer.name for initializer in graph.initializer}
        self._input_names = [value.name for value in graph.input if value.name not in constants]
        self._writers = {name: node.op_type for node in graph.node for name in node.output if name}
        wanted = [name for name in self._writers if names is None or name in names]
        session = self._open(wanted)
        self.inputs = tuple(_spec(node, None) for node in session.get_inputs())
        quantized = _quantizations(graph)
        specs = {node.name: _spec(node, quantized.get(node.name)) for node in session.get_outputs() if _is_array(node)}
        self._written = {name: specs[name] for name in wanted if name in specs}
        self._parts = list(_parts(tuple(self._written.values())))
        self._session = session if len(self._parts) <= 1 else None
        self._shown = [spec for spec in self.inputs if names is None or spec.name in names]

    @property
    def activations(self) -> tuple[TensorSpec, ...]:
        """The inputs and every tensor an operator writes, in the file's order; shapes as far as they are known."""
        return (*self._shown, *self._written.values())

    @property
    def operators(self) -> Mapping[str, str]:
        """From an activation's name to the type of the operator that writes it."""
        return {name: self._writers[name] for name in self._written}

    def run(self, values: tuple[np.ndarray, ...]) -> Iterator[tuple[TensorSpec, np.ndarray]]:
        """Run the model on one sample, and give each activation's stored value in turn.

        Args:
            values: One array for each input, of its shape and type.

        Raises:
            ModelError: A value does not fit, or an operator failed.
        """
        feeds = {spec.name: np.asarray(value, order="C") for spec, value in zip(self.inputs, values, strict=True)}
        for spec in self._shown:
            yield spec, feeds[spec.name]
        for part in self._parts:
            names = [spec.name for spec in part]
            session = self._session or self._open(names)
            try:
                arrays = session.run(names, feeds)
            except Exception as error:  # onnxruntime's own kinds have no common base
                raise ModelError(f"{self._path}: onnxruntime cannot run it: {reason(error)}") from error
            for spec, array in zip(part, arrays, strict=True):
                yield replace(spec, shape=array.shape), array  # onnxruntime does not know every shape beforehand

    def _open(self, names: list[str]) -> Any:
        return open_session(self._path, with_outputs(self._model, names), level="all" if self._optimized else "none")


def open_tensors(path: Path) -> TensorReader:
    """Open a file for every activation that it has.

    Raises:
        ModelError: onnxruntime refuses it.
    """
    return TensorReader(path)


def with_outputs(model: Any, names: Collection[str]) -> Any:
    """A copy of a model with other outputs: tensors of its main graph."""
    copy = type(model)()
    copy.CopyFrom(model)
    del copy.graph.output[:]
    for name in names:
        copy.graph.output.add().name = name
    return copy


def _is_array(node: Any) -> bool:
    return node.type in DTYPES


def _spec(node: Any, quantization: Quantization | None) -> TensorSpec:
    shape = tuple(size if isinstance(size, int) and size >= 0 else -1 for size in node.shape or ())
    return TensorSpec(node.name, shape, DTYPES.get(node.type, node.type), quantization)


def _parts(specs: tuple[TensorSpec, ...]) -> Iterator[tuple[TensorSpec, ...]]:
    """Cut a list of tensors where a part of them would take too much memory."""
    part: list[TensorSpec] = []
    held = 0
    for spec in specs:
        needed = math.prod(max(size, 1) for size in spec.shape) * np.dtype(spec.dtype).itemsize
        if part and held + needed > MOST_BYTES:
            yield tuple(part)
            part, held = [], 0
        part.append(spec)
        held += needed
    if part:
        yield tuple(part)


def _quantizations(graph: Any) -> dict[str, Quantization]:
    """Scales of what `QuantizeLinear` writes, where they are constants."""
    from onnx import numpy_helper

    constants = {initializer.name: initializer for initializer in graph.initializer}
    found = {}
    for node in graph.node:
        if node.op_type != "QuantizeLinear" or node.input[1] not in constants:
            continue
        scale = numpy_helper.to_array(constants[node.input[1]]).ravel()
        place = node.input[2] if len(node.input) > 2 else ""
        zero = numpy_helper.to_array(constants[place]).ravel() if place in constants else np.zeros(scale.size, int)
        found[node.output[0]] = Quantization(tuple(map(float, scale)), tuple(map(int, zero)))
    return found
