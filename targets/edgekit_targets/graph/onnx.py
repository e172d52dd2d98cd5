"""Reading an `.onnx` file as a graph, without an interpreter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edgekit_runtime.errors import ModelError, first_line
from edgekit_targets.graph.graph import MOST_ELEMENTS, Attribute, Graph, Operator, Opset, Subgraph, Tensor
from edgekit_targets.graph.onnx_file import (
    AGAIN,
    DTYPES,
    Constants,
    check_texts,
    knows_operator,
    load_model,
    newest_opset,
)
from edgekit_targets.graph.onnx_order import put_in_order
from edgekit_targets.graph.onnx_scales import RUNTIMES_OWN, attach_scales
from edgekit_targets.graph.onnx_shapes import Shaped, find_shapes, names_read

STANDARD = ("", "ai.onnx")
UNKNOWN_RANK = (-1,)
PLAIN = {2: "i", 3: "s", 7: "ints"}  # the fields of attributes that a cost may depend on, by AttributeProto.type


def read_onnx(path: str | Path, shapes: Mapping[str, tuple[int, ...]] | None = None) -> Graph:
    """Read an `.onnx` file.

    Where an input's first axis is open, shapes are those for a length of 1 there, and wherever the file
    gives a length the same name; other open axes stay open.

    Args:
        path: The file.
        shapes: Shapes of inputs that are fixed instead, by name; the only input needs none.

    Raises:
        ModelError: It is none, or damaged, or an input does not take the shape.
    """
    path = Path(path)
    try:
        model, constants = load_model(path), Constants(path)
        constants.set_apart(model)
        check_texts(model)
        put_in_order(model.graph)
        _fix(path, model.graph, shapes or {})
        return _Reader(find_shapes(model, _wanted(model.graph)), constants).graph()
    except ModelError as error:
        told = error.message if error.message.startswith(str(path)) else f"{path}: {error.message}"
        raise ModelError(told, hint=error.hint) from error
    except (ValueError, TypeError, OverflowError) as error:  # TypeError: bytes where a text should be
        raise ModelError(f"{path}: the file is damaged: {first_line(error)}.", hint=AGAIN) from error


def _fix(path: Path, graph: Any, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Give inputs the shapes that were asked for, and every length of the same name the same."""
    given = _inputs(graph)
    own = {name: _shape(kind) for name, kind in given.items()}
    if len(own) == 1:
        shapes = {name or next(iter(own)): shape for name, shape in shapes.items()}
    lengths: dict[str, int] = {}
    for name, shape in shapes.items():
        if name not in own or not _takes(own[name], shape):
            allowed = "; ".join(f"{known} is {found}" for known, found in own.items())
            asked = f"{name or 'of no name'}={shape}"
            raise ModelError(f"{path}: no input takes the shape {asked}; its inputs, -1 being open: {allowed}.")
        lengths |= dict(zip(_symbols(given[name]), shape, strict=True))
        for dim, size in zip(given[name].tensor_type.shape.dim, shape, strict=True):
            dim.dim_value = size
    for entry in (*graph.input, *graph.output, *graph.value_info):
        for dim in entry.type.tensor_type.shape.dim:
            if dim.dim_param and dim.dim_param in lengths:
                dim.dim_value = lengths[dim.dim_param]


def _wanted(graph: Any) -> dict[str, tuple[int, ...]]:
    """The shape to count with of each input that has an open axis: 1 where that is the first."""
    given = _inputs(graph)
    own = {name: _shape(kind) for name, kind in given.items()}
    symbols = {name: _symbols(kind) for name, kind in given.items()}
    lengths = {parts[0]: 1 for name, parts in symbols.items() if own[name][:1] == (-1,) and parts}
    lengths.pop("", None)
    counted = {
        name: tuple(
            lengths.get(symbol, 1 if axis == 0 else -1) if size == -1 else size
            for axis, (symbol, size) in enumerate(zip(symbols[name], shape, strict=True))
        )
        for name, shape in own.items()
        if symbols[name]
    }
    return {name: shape for name, shape in counted.items() if shape != own[name]}


def _inputs(graph: Any) -> dict[str, Any]:
    """The types of a graph's inputs by name, constants that are listed there left out."""
    fixed = {tensor.name for tensor in graph.initializer}
    return {entry.name: entry.type for entry in graph.input if entry.name not in fixed}


def _symbols(kind: Any) -> tuple[str, ...]:
    """The names of a shape's open lengths; empty for the others."""
    return tuple(dim.dim_param for dim in kind.tensor_type.shape.dim)


def _takes(own: tuple[int, ...], asked: tuple[int, ...]) -> bool:
    return len(own) == len(asked) and all(size in (-1, other) for size, other in zip(own, asked, strict=True))


@dataclass
class _Scope:
    """A graph under construction.

    Attributes:
        outer: The graph around it.
        told: From names to types and shapes.
        opened: The same with open axes left open.
        tensors: So far.
        places: From names to indexes.
        captured: Names that it takes from around.
    """

    outer: _Scope | None
    told: Mapping[str, Any]
    opened: Mapping[str, Any]
    tensors: list[Tensor] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)
    captured: list[str] = field(default_factory=list)

    def add(self, tensor: Tensor) -> int:
        self.tensors.append(tensor)
        self.places[tensor.name] = len(self.tensors) - 1
        return len(self.tensors) - 1

    def declare(self, name: str) -> int:
        """A tensor that is given or computed here."""
        shape, opened = _shape(self.told.get(name)), _shape(self.opened.get(name))
        free = tuple(axis for axis, size in enumerate(opened) if size == -1) if len(opened) == len(shape) else ()
        return self.add(Tensor(name, shape, _dtype(self.told.get(name)), free))

    def find(self, name: str) -> int | None:
        """A tensor that is read here, be it this graph's or one's around it; `None` for an input left out."""
        if not name:
            return None
        if name in self.places:
            return self.places[name]
        place = None if self.outer is None else self.outer.find_known(name)
        if self.outer is None or place is None:
            return self.declare(name)
        self.captured.append(name)
        return self.add(self.outer.tensors[place])

    def find_known(self, name: str) -> int | None:
        """The same, but `None` where nothing of that name is there."""
        if name in self.places:
            return self.places[name]
        place = None if self.outer is None else self.outer.find_known(name)
        if self.outer is None or place is None:
            return None
        self.captured.append(name)
        return self.add(self.outer.tensors[place])


class _Reader:
    """Walks through the tables of a model."""

    def __init__(self, shaped: Shaped, constants: Constants) -> None:
        self._shaped = shaped
        self._constants = constants
        self._read = names_read(shaped.numeric.graph)
        self._subgraphs: list[Subgraph | None] = []
        self._opsets = {entry.domain: entry.version for entry in shaped.numeric.opset_import}
        self._functions = {(function.domain, function.name) for function in shaped.numeric.functions}

    def graph(self) -> Graph:
        self._subgraph(self._shaped.numeric.graph, self._shaped.symbolic.graph, None)
        return Graph(
            "onnx",
            tuple(subgraph for subgraph in self._subgraphs if subgraph is not None),
            tuple(Opset(domain or "ai.onnx", version) for domain, version in sorted(self._opsets.items())),
            tuple(self._notes()),
        )

    def _notes(self) -> Iterable[str]:
        newest, library = newest_opset()
        for domain in STANDARD:
            if self._opsets.get(domain, 0) > newest:
                yield f"opset {self._opsets[domain]} is from the future: {library} knows up to {newest}"
        if self._shaped.fault:
            yield f"only the shapes that the file tells are known: {self._shaped.fault}"

    def _subgraph(self, table: Any, opened: Any, outer: _Scope | None) -> tuple[int, _Scope]:
        number = len(self._subgraphs)
        self._subgraphs.append(None)
        scope = _Scope(outer, _told(table), _told(opened))
        for tensor in table.initializer:
            self._constant(scope, tensor.name, tensor)
        for sparse in table.sparse_initializer:
            self._constant(scope, sparse.values.name, sparse.values, tuple(sparse.dims))
        inputs = tuple(scope.declare(given.name) for given in table.input if given.name not in scope.places)
        operators = []
        for node, twin in zip(table.node, opened.node, strict=True):
            if node.op_type == "Constant" and node.domain in STANDARD:
                self._constant_node(scope, node)
            else:
                operators.append(self._operator(scope, node, twin))
        outputs = tuple(place for place in (scope.find(given.name) for given in table.output) if place is not None)
        attach_scales(scope.tensors, operators)
        self._subgraphs[number] = Subgraph(table.name, tuple(scope.tensors), inputs, outputs, tuple(operators))
        return number, scope

    def _operator(self, scope: _Scope, node: Any, twin: Any) -> Operator:
        inputs = [scope.find(name) for name in node.input]
        calls = []
        for attribute, other in zip(node.attribute, twin.attribute, strict=True):
            graphs = [(attribute.g, other.g)] if attribute.HasField("g") else []
            for graph, opened in (*graphs, *zip(attribute.graphs, other.graphs, strict=True)):
                number, inner = self._subgraph(graph, opened, scope)
                calls.append(number)
                inputs += [place for name in inner.captured if (place := scope.find(name)) not in inputs]
        twice = [name for name in node.output if name in scope.places]
        if twice:
            raise ValueError(f"the tensor {twice[0]} is made twice")
        # What nobody reads beyond the first output is not computed, such as the mask of a Dropout.
        wanted = (name if place == 0 or name in self._read else "" for place, name in enumerate(node.output))
        outputs = tuple(scope.declare(name) if name else None for name in wanted)
        return Operator(
            name=node.op_type if node.domain in STANDARD else f"{node.domain}.{node.op_type}",
            inputs=tuple(inputs),
            outputs=outputs,
            custom=self._is_custom(node),
            attributes=dict(_attributes(node)),
            calls=tuple(calls),
            label=node.name,
        )

    def _is_custom(self, node: Any) -> bool:
        if node.domain.startswith(RUNTIMES_OWN) or (node.domain, node.op_type) in self._functions:
            return False
        return not knows_operator(node.op_type, "" if node.domain in STANDARD else node.domain)

    def _constant(self, scope: _Scope, name: str, table: Any, shape: tuple[int, ...] | None = None) -> None:
        data, number = self._constants.data_of(table)
        dtype = DTYPES.get(table.data_type, f"type {table.data_type}")
        scope.add(Tensor(name, tuple(table.dims) if shape is None else shape, dtype, data=data, storage=number))

    def _constant_node(self, scope: _Scope, node: Any) -> None:
        attribute, name = node.attribute[0], node.output[0]
        if attribute.HasField("t"):
            self._constant(scope, name, attribute.t)
            return
        if attribute.HasField("sparse_tensor"):
            self._constant(scope, name, attribute.sparse_tensor.values, tuple(attribute.sparse_tensor.dims))
            return
        values = _values(attribute)
        data, number = self._constants.add(values.tobytes())
        scope.add(Tensor(name, values.shape, values.dtype.name, data=data, storage=number))


def _values(attribute: Any) -> np.ndarray:
    """The value of a Constant node that is no tensor."""
    if attribute.name.startswith("value_float"):
        return np.asarray(attribute.f if attribute.name == "value_float" else attribute.floats, np.float32)
    if attribute.name.startswith("value_int"):
        return np.asarray(attribute.i if attribute.name == "value_int" else attribute.ints, np.int64)
    raise ValueError(f"a Constant holds {attribute.name}, which is none of ONNX's values")


def _told(graph: Any) -> dict[str, Any]:
    return {info.name: info.type for info in (*graph.value_info, *graph.output, *graph.input)}


def _shape(kind: Any) -> tuple[int, ...]:
    """A shape, -1 where it is open; one axis that is open where not even their number is known."""
    if kind is None or not kind.tensor_type.HasField("shape"):
        return UNKNOWN_RANK
    dims = kind.tensor_type.shape.dim
    shape = tuple(dim.dim_value if dim.HasField("dim_value") and dim.dim_value >= 0 else -1 for dim in dims)
    if np.prod([float(size) for size in shape if size > 0]) > MOST_ELEMENTS:
        return (-1,) * len(shape)  # computed from values that no run has
    return shape


def _dtype(kind: Any) -> str:
    if kind is None:
        return "unknown"
    what = kind.WhichOneof("value") or "unknown"
    return DTYPES.get(kind.tensor_type.elem_type, "unknown") if what == "tensor_type" else what.removesuffix("_type")


def _attributes(node: Any) -> Iterable[tuple[str, Attribute]]:
    for attribute in node.attribute:
        kind = PLAIN.get(attribute.type)
        if kind is not None:
            value = getattr(attribute, kind)
            yield attribute.name, tuple(value) if kind == "ints" else _text(value)


def _text(value: int | bytes) -> int | str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
