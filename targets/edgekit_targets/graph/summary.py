"""A graph at a glance: borders, operators, parameters, costs, memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from edgekit_runtime.figure import Figure, measured, unavailable
from edgekit_runtime.tensor import TensorSpec
from edgekit_targets.graph.cost import Cost, least_macs, operator_cost
from edgekit_targets.graph.graph import Graph, Operator, Opset, Subgraph, Tensor
from edgekit_targets.graph.kinds import LAYOUT
from edgekit_targets.graph.liveness import peak_activations

FROM_SHAPES = "counted from the shapes in the file"
Counted = tuple[Operator, Cost]


@dataclass(frozen=True)
class OperatorCount:
    """All operators of one name.

    Attributes:
        name: Their name.
        count: How many there are.
        custom: Whether an interpreter must be taught them.
        layout: Whether they move values and change none.
        macs: Their multiply-accumulates together.
    """

    name: str
    count: int
    custom: bool
    layout: bool
    macs: Figure


@dataclass(frozen=True)
class ConstantSize:
    """The constants of one type; those that share their bytes count once.

    Attributes:
        dtype: The type.
        values: How many values they hold.
        size_bytes: Their length in the file.
    """

    dtype: str
    values: int
    size_bytes: int


@dataclass(frozen=True)
class LiveTensor:
    """A tensor that is alive at the peak.

    Attributes:
        name: Its name.
        size_bytes: What it takes.
    """

    name: str
    size_bytes: int


@dataclass(frozen=True)
class MemoryPeak:
    """Where the values between operators take the most memory.

    Attributes:
        size: How much.
        operator: Name of the operator there; empty in a graph without operators.
        place: Its index among the main graph's operators; `None` without operators.
        alive: The tensors alive there, the largest first.
    """

    size: Figure
    operator: str
    place: int | None
    alive: tuple[LiveTensor, ...]


@dataclass(frozen=True)
class GraphSummary:
    """A graph at a glance.

    Attributes:
        format: `tflite` or `onnx`.
        graphs: How many graphs the file holds; operators run those after the first.
        inputs: Of the main graph, by the names in the file's signature; -1 is a free axis.
        outputs: Likewise.
        operators: Of all graphs, those with the most MACs first.
        macs: Multiply-accumulates of a run; a lower bound where operators are not counted.
        not_counted: Names of the operators whose MACs are not known.
        parameters: How many numbers the model learned: float and quantized constants.
        constants: By type, the largest first.
        layout_operators: Share of the operators that only move values.
        layout_bytes: Their share of all bytes that operators read and write.
        peak: Where the activations of the main graph take the most memory.
        dynamic_tensors: How many tensors have an axis whose length is not fixed.
        opsets: The sets of operators that an ONNX file names.
        notes: What could not be found out, and why.
    """

    format: str
    graphs: int
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    operators: tuple[OperatorCount, ...]
    macs: Figure
    not_counted: tuple[str, ...]
    parameters: Figure
    constants: tuple[ConstantSize, ...]
    layout_operators: Figure
    layout_bytes: Figure
    peak: MemoryPeak
    dynamic_tensors: int
    opsets: tuple[Opset, ...] = ()
    notes: tuple[str, ...] = ()


def summarize(graph: Graph) -> GraphSummary:
    """Bring together what a graph says of itself."""
    main = graph.main
    counted = [(operator, operator_cost(operator, part)) for part in graph.subgraphs for operator in part.operators]
    tensors = [tensor for part in graph.subgraphs for tensor in part.tensors]
    constants = list({tensor.storage: tensor for tensor in tensors if tensor.data is not None}.values())
    return GraphSummary(
        format=graph.format,
        graphs=len(graph.subgraphs),
        inputs=_borders(main, main.inputs, graph.input_names),
        outputs=_borders(main, main.outputs, graph.output_names),
        operators=_operators(counted),
        macs=_predicted(least_macs(graph), "MAC", _macs_method(graph)),
        not_counted=tuple(sorted({operator.name for operator, cost in counted if cost.macs is None})),
        parameters=measured(
            sum(tensor.elements or 0 for tensor in constants if _learned(tensor)),
            "parameter",
            "values of the float and quantized constants in the file",
        ),
        constants=_constants(constants),
        layout_operators=_share(len([op for op, _ in counted if op.name in LAYOUT]), len(counted)),
        layout_bytes=_layout_bytes(counted),
        peak=_peak(graph),
        dynamic_tensors=sum(1 for tensor in tensors if tensor.free_axes or -1 in tensor.shape),
        opsets=graph.opsets,
        notes=graph.notes,
    )


def _borders(graph: Subgraph, places: Sequence[int], names: Mapping[int, str]) -> tuple[TensorSpec, ...]:
    specs = ((place, graph.tensors[place].spec) for place in places)
    return tuple(replace(spec, name=names.get(place, spec.name)) for place, spec in specs)


def _operators(counted: Sequence[Counted]) -> tuple[OperatorCount, ...]:
    groups: dict[tuple[str, bool], list[Cost]] = {}
    for operator, cost in counted:
        groups.setdefault((operator.name, operator.custom), []).append(cost)
    rows = [
        OperatorCount(name, len(costs), custom, not custom and name in LAYOUT, _macs(costs))
        for (name, custom), costs in groups.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-(row.macs.value or 0), -row.count, row.name)))


def _macs_method(graph: Graph) -> str:
    if any(operator.calls for part in graph.subgraphs for operator in part.operators):
        return f"{FROM_SHAPES}; of branches the cheapest is run, and a loop never"
    return FROM_SHAPES


def _macs(costs: Sequence[Cost]) -> Figure:
    reasons = [cost.reason for cost in costs if cost.macs is None]
    if reasons:
        return unavailable("MAC", reasons[0])
    return _predicted(sum(cost.macs or 0 for cost in costs), "MAC", FROM_SHAPES)


def _constants(constants: Iterable[Tensor]) -> tuple[ConstantSize, ...]:
    sizes: dict[str, tuple[int, int]] = {}
    for tensor in constants:
        values, size_bytes = sizes.get(tensor.dtype, (0, 0))
        sizes[tensor.dtype] = values + (tensor.elements or 0), size_bytes + len(tensor.data or b"")
    rows = [ConstantSize(dtype, *size) for dtype, size in sizes.items()]
    return tuple(sorted(rows, key=lambda row: (-row.size_bytes, row.dtype)))


def _learned(tensor: Tensor) -> bool:
    """Integers without a scale are shapes, axes and indexes, unless the reader knows better."""
    if tensor.learned is not None:
        return tensor.learned
    return "float" in tensor.dtype or tensor.quantization is not None or tensor.block_size > 0


def _layout_bytes(counted: Sequence[Counted]) -> Figure:
    moved = everything = 0
    for operator, cost in counted:
        parts = (cost.weight_bytes, cost.input_bytes, cost.output_bytes)
        if None in parts:
            return unavailable("share", f"the size of a tensor of {operator.name} is not known")
        size = sum(part or 0 for part in parts)
        everything += size
        moved += size if operator.name in LAYOUT else 0
    return _share(moved, everything)


def _peak(graph: Graph) -> MemoryPeak:
    peak = peak_activations(graph.main)
    tensors = graph.main.tensors
    name = "" if peak.operator is None else graph.main.operators[peak.operator].name
    alive = tuple(LiveTensor(tensors[place].name, tensors[place].size_bytes or 0) for place in peak.alive)
    if peak.unknown:
        size = unavailable("byte", f"the size of tensor {tensors[peak.unknown[0]].name} is not known")
        return MemoryPeak(size, name, peak.operator, alive)
    method = f"{FROM_SHAPES}: the largest sum of the main graph's tensors alive at one operator, none sharing memory"
    return MemoryPeak(_predicted(peak.size_bytes, "byte", method), name, peak.operator, alive)


def _share(part: int, whole: int) -> Figure:
    return _predicted(part / whole, "share", FROM_SHAPES) if whole else unavailable("share", "there are no operators")


def _predicted(value: float, unit: str, method: str) -> Figure:
    return Figure("predicted", unit, float(value), method)
