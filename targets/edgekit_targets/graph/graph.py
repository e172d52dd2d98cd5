"""The types of a graph: what a finished model file says, whatever its format."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from edgekit_runtime.tensor import Quantization, TensorSpec

Attribute = bool | int | str | tuple[int, ...]

BITS = {
    "bool": 8,
    "int2": 2,
    "uint2": 2,
    "int4": 4,
    "uint4": 4,
    "float4_e2m1fn": 4,
    **{f"{sign}int{bits}": bits for sign in ("", "u") for bits in (8, 16, 32, 64)},
    "float8_e4m3fn": 8,
    "float8_e4m3fnuz": 8,
    "float8_e5m2": 8,
    "float8_e5m2fnuz": 8,
    "float8_e8m0fnu": 8,
    "float16": 16,
    "bfloat16": 16,
    "float32": 32,
    "float64": 64,
    "complex64": 64,
    "complex128": 128,
}
"""Bits of one value; small ones are packed into bytes. Texts and resources have no such size."""
MOST_ELEMENTS = 1 << 48  # 256 TiB of bytes: what claims more is damaged, and would overflow what is counted from it


@dataclass(frozen=True)
class Tensor:
    """A tensor of a graph.

    Attributes:
        name: Its name; the file may give the same to several.
        shape: The shape that the interpreter takes unless it is told another; -1 where even that is open, and
            nothing but one -1 where not even the number of axes is known.
        dtype: Its numpy type, such as `int8`, or a name of the field's such as `int4`, `bfloat16`, `string`.
        free_axes: The axes whose length a caller may choose.
        quantization: How integers stand for real numbers, one scale for all or one for each channel.
        data: Its bytes where the file fixes them; `None` for what is computed, given, or kept as state.
        storage: Number of those bytes in the file: tensors of the same number share them.
        state: Whether it keeps its value from one run to the next.
        block_size: How many values of a row share one scale; 0 where scales are per tensor or channel.
        learned: Whether what the file fixes was learned; `None` where its type is all that can be gone by.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    free_axes: tuple[int, ...] = ()
    quantization: Quantization | None = None
    data: memoryview | None = field(default=None, repr=False)
    storage: int | None = None
    state: bool = False
    block_size: int = 0
    learned: bool | None = None

    def __post_init__(self) -> None:
        if any(size < -1 for size in self.shape):
            raise ValueError(f"tensor {self.name} has the shape {self.shape}; allowed: lengths of 0 and more, or -1")
        if math.prod(size for size in self.shape if size > 0) > MOST_ELEMENTS:
            raise ValueError(f"tensor {self.name} has the shape {self.shape}: more than any memory holds")
        if any(not 0 <= axis < len(self.shape) for axis in self.free_axes):
            raise ValueError(f"tensor {self.name} has {len(self.shape)} axes, but lets choose {self.free_axes}")
        if (self.data is None) != (self.storage is None):
            raise ValueError(f"tensor {self.name} has either bytes or their number; allowed: both or neither")

    @property
    def elements(self) -> int | None:
        """How many values it holds; `None` where its shape is open."""
        return None if -1 in self.shape else math.prod(self.shape)

    @property
    def size_bytes(self) -> int | None:
        """How much memory its values take; `None` where its shape is open or its type has no size."""
        bits, elements = BITS.get(self.dtype), self.elements
        return None if bits is None or elements is None else (elements * bits + 7) // 8

    @property
    def spec(self) -> TensorSpec:
        """It as an input or output of the model: free axes are -1."""
        shape = tuple(-1 if axis in self.free_axes else size for axis, size in enumerate(self.shape))
        return TensorSpec(self.name, shape, self.dtype, self.quantization)


@dataclass(frozen=True)
class Operator:
    """An operator of a graph.

    Attributes:
        name: What it does, in the format's words such as `CONV_2D` or `Conv`; a custom operator's own name, and
            in ONNX its domain before it where that is not ONNX's own.
        inputs: Indexes of tensors in the same sub-graph; `None` where an optional one is left out. What the graphs
            that it runs take from around them comes last.
        outputs: Likewise.
        custom: Whether it is none of the format's own operators, so that an interpreter must be taught it.
        attributes: Its settings that a cost depends on.
        calls: Indexes of the sub-graphs that it runs.
        label: Its own name in the file, which compilers call it by; empty where the format gives it none.
    """

    name: str
    inputs: tuple[int | None, ...]
    outputs: tuple[int | None, ...]
    custom: bool = False
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    calls: tuple[int, ...] = ()
    label: str = ""


@dataclass(frozen=True)
class Subgraph:
    """Operators in the order in which they run, and the tensors between them.

    Attributes:
        name: Its name; may be empty.
        tensors: All of them.
        inputs: Indexes of the tensors that it is given.
        outputs: Indexes of the tensors that it gives.
        operators: In order.

    Raises:
        ValueError: Something names a tensor that is not there.
    """

    name: str
    tensors: tuple[Tensor, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    operators: tuple[Operator, ...]

    def __post_init__(self) -> None:
        self._check("the inputs", self.inputs)
        self._check("the outputs", self.outputs)
        for place, operator in enumerate(self.operators):
            self._check(f"operator {place} ({operator.name})", operator.inputs + operator.outputs)

    def tensors_of(self, places: tuple[int | None, ...]) -> tuple[Tensor, ...]:
        """The tensors at these indexes, without those left out."""
        return tuple(self.tensors[place] for place in places if place is not None)

    def _check(self, who: str, places: tuple[int | None, ...]) -> None:
        wrong = [place for place in places if place is not None and not 0 <= place < len(self.tensors)]
        if wrong:
            raise ValueError(f"{who} of a graph of {len(self.tensors)} tensors: tensor {wrong[0]} is not there")


@dataclass(frozen=True)
class Opset:
    """A set of operators that a file uses, with the version that says what they mean."""

    domain: str
    version: int


@dataclass(frozen=True)
class Graph:
    """A finished model file.

    Attributes:
        format: `tflite` or `onnx`.
        subgraphs: The main one first; the others are run by operators.
        opsets: The sets of operators that an ONNX file names, by domain; none in other formats.
        notes: What could not be found out, and why.
        input_names: What callers know the main graph's inputs by, from a tensor's index; only where the file has a
            signature beside its tensors' own names.
        output_names: Likewise.

    Raises:
        ValueError: There is none, or an operator runs one that is not there.
    """

    format: str
    subgraphs: tuple[Subgraph, ...]
    opsets: tuple[Opset, ...] = ()
    notes: tuple[str, ...] = ()
    input_names: Mapping[int, str] = field(default_factory=dict)
    output_names: Mapping[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.subgraphs:
            raise ValueError("there is no graph in it")
        for subgraph in self.subgraphs:
            for operator in subgraph.operators:
                wrong = [place for place in operator.calls if not 0 <= place < len(self.subgraphs)]
                if wrong:
                    raise ValueError(f"{operator.name} runs graph {wrong[0]} of {len(self.subgraphs)}")

    @property
    def main(self) -> Subgraph:
        """The graph that a run of the model runs."""
        return self.subgraphs[0]
