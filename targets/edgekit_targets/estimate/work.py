"""What each operator of a graph has a processor do, by the rates that were counted on its cores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from edgekit_targets.estimate.cores import Precision, Rates
from edgekit_targets.estimate.fusion import Fusion, fusion_of
from edgekit_targets.estimate.kinds import DENSE, DEPTHWISE, MATRIX, PLAIN, UNTESTED, WEIGHTS
from edgekit_targets.estimate.latency import Unpredictable, Work
from edgekit_targets.graph.cost import operator_cost
from edgekit_targets.graph.graph import Graph, Operator, Subgraph, Tensor

INTEGERS = ("int8", "uint8")
SMALL_BYTES = 1024  # of all an operator's tensors: what it does is nothing beside starting it
BY_INTEGERS = (
    "multiplies float values by integer weights (int8-dynamic, or of weights only): no published figure of such "
    "kernels was there to check a prediction"
)
MOST_SHARED = 2  # twin networks share a matrix among as many
NO_WORK = Work(0.0, 0.0, 0.0, 0)


@dataclass(frozen=True)
class Load:
    """What an operator computes and moves, on whatever processor.

    Attributes:
        place: Its index in the main graph.
        name: What it does.
        output: Name of its first output.
        precision: Of its values.
        dense_macs: Multiply-accumulates of matrices of weights.
        depthwise_macs: Multiply-accumulates of depthwise convolutions.
        weight_bytes: Of its weights.
        activation_bytes: Of its other inputs and its outputs.
        width: Channels of its output, where it is dense.
        last: Whether nothing with weights comes behind it: its channels are the model's answers.
    """

    place: int
    name: str
    output: str
    precision: Precision
    dense_macs: int
    depthwise_macs: int
    weight_bytes: int
    activation_bytes: int
    width: int = 0
    last: bool = False

    @property
    def macs(self) -> int:
        """All of them."""
        return self.dense_macs + self.depthwise_macs


def loads_of(graph: Graph) -> tuple[Load, ...]:
    """What each operator computes and moves; those that a runtime does once, when it loads the file, are left out.

    Raises:
        Unpredictable: The graph has parts for which nothing was counted, or nothing was there to check.
    """
    subgraph, fusion = graph.main, fusion_of(graph)
    loads = []
    for place, operator in enumerate(subgraph.operators):
        if place not in fusion.free:
            _check_kind(operator, subgraph)
            _check_weights(operator, fusion)
            loads.append(_load(place, operator, subgraph, fusion))
    if not loads:
        raise Unpredictable("the model computes nothing")
    _check_recurrence(subgraph, fusion)
    last = _last(subgraph)
    return tuple(replace(load, last=load.place in last) for load in loads)


def _last(subgraph: Subgraph) -> frozenset[int]:
    """Places of the operators with weights behind which there are no others."""
    found, needed = set(), set[int | None]()
    for place, operator in reversed(list(enumerate(subgraph.operators))):
        weighted = operator.name in DENSE | DEPTHWISE
        leads = not needed.isdisjoint(operator.outputs)
        if weighted and not leads:
            found.add(place)
        if weighted or leads:
            needed.update(operator.inputs)
    return frozenset(found)


def work_of(load: Load, rates: Rates) -> Work:
    """What an operator has a core of these rates do."""
    moved = load.weight_bytes + load.activation_bytes
    cycles = load.dense_macs / rates.dense_macs_per_cycle + load.depthwise_macs / rates.depthwise_macs_per_cycle
    return Work(
        cycles=cycles + moved * rates.cycles_per_byte,
        refill_bytes=load.dense_macs * rates.refill_bytes_per_mac + moved * rates.refill_bytes_per_byte,
        dram_bytes=moved * rates.dram_bytes_per_byte,
        operators=1,
    )


def total(works: Sequence[Work]) -> Work:
    """All of some work."""
    return sum(works, NO_WORK)


def _check_kind(operator: Operator, subgraph: Subgraph) -> None:
    name = operator.name
    if operator.custom:
        raise Unpredictable(f"{name} is a custom operator: the file does not say what it computes")
    if operator.calls:
        raise Unpredictable(f"{name} runs another graph, and the file does not say how often")
    if name in UNTESTED:
        raise Unpredictable(f"no published figure of {UNTESTED[name]} was there to check a prediction ({name})")
    if name in DENSE | DEPTHWISE | PLAIN or _small(operator, subgraph):
        return
    raise Unpredictable(f"{name} is none of the operators whose kernels were counted")


def _check_weights(operator: Operator, fusion: Fusion) -> None:
    """Refuse products of two computed values, and of float values by weights that are kept as integers.

    Raises:
        Unpredictable: It is one of them.
    """
    if operator.name not in DENSE | DEPTHWISE:
        return
    places = [operator.inputs[at] for at in WEIGHTS.get(operator.name, (1,)) if at < len(operator.inputs)]
    weights = [place for place in places if place in fusion.fixed]
    if places and not weights:
        raise Unpredictable(
            f"{operator.name} multiplies two computed values: no published figure of attention was there to check a "
            "prediction"
        )
    if any(place in fusion.quantized for place in weights) and not _all_quantized(operator, fusion):
        raise Unpredictable(f"{operator.name} {BY_INTEGERS}")


def _check_recurrence(subgraph: Subgraph, fusion: Fusion) -> None:
    """Refuse recurrent layers that were unrolled: one matrix of weights in a row of dense layers.

    Raises:
        Unpredictable: There are some.
    """
    dense = [operator for operator in subgraph.operators if operator.name in MATRIX]
    uses = Counter(place for operator in dense for place in operator.inputs if place in fusion.fixed)
    matrices = [place for place in uses if place is not None and len(subgraph.tensors[place].shape) > 1]
    times = max((uses[place] for place in matrices), default=0)
    if times > MOST_SHARED:
        raise Unpredictable(
            f"{times} dense layers share one matrix of weights, as unrolled recurrent layers do: no published figure "
            "of these was there to check a prediction"
        )


def _all_quantized(operator: Operator, fusion: Fusion) -> bool:
    """Whether the values beside its weights are taken in integers, too."""
    return all(place in fusion.quantized for place in operator.inputs[:2])


def _small(operator: Operator, subgraph: Subgraph) -> bool:
    sizes = [tensor.size_bytes for tensor in subgraph.tensors_of(operator.inputs + operator.outputs)]
    return None not in sizes and sum(size or 0 for size in sizes) <= SMALL_BYTES


def _load(place: int, operator: Operator, subgraph: Subgraph, fusion: Fusion) -> Load:
    cost = operator_cost(operator, subgraph)
    macs = cost.macs if cost.macs is not None else 0 if _small(operator, subgraph) else None
    if macs is None:
        raise Unpredictable(f"{operator.name}: {cost.reason}")
    weights, activations = _moved(operator, subgraph, fusion)
    outputs = subgraph.tensors_of(operator.outputs)
    depthwise = _depthwise(operator, subgraph)
    return Load(
        place=place,
        name=operator.name,
        output=outputs[0].name if outputs else "",
        precision=_precision(operator, subgraph, fusion),
        dense_macs=0 if depthwise else macs,
        depthwise_macs=macs if depthwise else 0,
        weight_bytes=weights,
        activation_bytes=activations,
        width=_width(operator, outputs) if macs and not depthwise else 0,
    )


def _moved(operator: Operator, subgraph: Subgraph, fusion: Fusion) -> tuple[int, int]:
    """Bytes of an operator's weights, and of its other inputs and its outputs."""
    weights = activations = 0
    for place in (*operator.inputs, *operator.outputs):
        if place is None:
            continue
        tensor = subgraph.tensors[place]
        size = tensor.elements if place in fusion.quantized else tensor.size_bytes
        if size is None:
            raise Unpredictable(f"{operator.name}: the file leaves a shape open, or a type has no size")
        if tensor.data is not None or place in fusion.prepared:
            weights += size
        else:
            activations += size
    return weights, activations


def _depthwise(operator: Operator, subgraph: Subgraph) -> bool:
    if operator.name in DEPTHWISE:
        return True
    groups = operator.attributes.get("group", 1)
    tensors = subgraph.tensors_of(operator.inputs[:1])
    shape = tensors[0].shape if tensors else ()
    return isinstance(groups, int) and groups > 1 and len(shape) > 1 and groups == shape[1]  # ONNX: (N, C, H, W)


def _width(operator: Operator, outputs: Sequence[Tensor]) -> int:
    """Output channels: the last axis in TensorFlow Lite, the second of a convolution in ONNX."""
    if not outputs or not outputs[0].shape:
        return 0
    shape = outputs[0].shape
    return shape[-1] if operator.name.isupper() or len(shape) < 3 else shape[1]


def _precision(operator: Operator, subgraph: Subgraph, fusion: Fusion) -> Precision:
    """Of an operator's values.

    Raises:
        Unpredictable: Its values are of a type, or of a mixture of types, for which nothing was counted.
    """
    places = [place for place in operator.inputs if place is not None]
    if places and places[0] in fusion.quantized:
        return "int8"
    values = [subgraph.tensors[place].dtype for place in places if subgraph.tensors[place].data is None]
    weights = [subgraph.tensors[place].dtype for place in places if subgraph.tensors[place].data is not None]
    if operator.name in DENSE | DEPTHWISE:
        _check_types(operator.name, values, weights)
    return "int8" if any(dtype in INTEGERS for dtype in values or weights) else "float32"


def _check_types(name: str, values: Sequence[str], weights: Sequence[str]) -> None:
    if any("float" in dtype for dtype in values[:1]) and any(dtype in (*INTEGERS, "int4") for dtype in weights):
        raise Unpredictable(f"{name} {BY_INTEGERS}")
    if "int16" in values:
        raise Unpredictable(f"{name} computes in int16, for which XNNPACK has no kernels")
