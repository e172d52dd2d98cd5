"""The memory that a model takes on a target: its plan of activations, its weights, and the process around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edgekit_runtime.figure import Figure, Interval, unavailable
from edgekit_targets.graph.graph import Graph
from edgekit_targets.graph.plan import MemoryPlan, plan_memory
from edgekit_targets.profile import Profile

KIB = 1024
NO_RUNTIME = "edgekit's runtime does not run there"
CONFIDENCE = 0.9
# On x86-64 with LiteRT 2.3.0 and one thread, ten models of 0.1 to 100 MB took 3.7 to 5.9 MB beside the file, the
# weights that XNNPACK lays out anew, and the plan; a process without a model took 37 MB (docs/validation.md).
LIBRARY_BYTES = 5_000_000
LIBRARY_MOST_BYTES = 8_000_000
PROCESS_BYTES = 37_000_000
PROCESS_LEAST_BYTES, PROCESS_MOST_BYTES = 25_000_000, 50_000_000
PLAN_METHOD = {
    "tflite": "plan of the interpreter's builtin kernels, inputs kept, scratch memory of convolutions included",
    "onnx": "plan with each tensor in the smallest free gap; onnxruntime's own may differ",
}


@dataclass(frozen=True)
class AliveBlock:
    """What is alive where the activations take the most memory.

    Attributes:
        name: Of its first tensor; empty for scratch memory.
        size_bytes: What it takes.
    """

    name: str
    size_bytes: int


@dataclass(frozen=True)
class MemoryEstimate:
    """The memory that a model takes.

    Attributes:
        arena: The plan of its activations.
        peak_operator: The operator at which most of it is taken; empty in a graph without operators.
        alive: What is alive there, the largest first.
        model_memory: What the model adds to a process.
        peak_rss: The process with edgekit's runtime, in all.
        limit_kib: The budget of the target, or else its memory; `None` where it tells neither.
        outcome: Whether that is kept: `fits`, `over`, or `unknown`.
    """

    arena: Figure
    peak_operator: str
    alive: tuple[AliveBlock, ...]
    model_memory: Figure
    peak_rss: Figure
    limit_kib: float | None
    outcome: Literal["fits", "over", "unknown"]


def estimate_memory(graph: Graph, model_size_bytes: int, weight_bytes: int, profile: Profile) -> MemoryEstimate:
    """Predict the memory that a model takes.

    Args:
        graph: The model.
        model_size_bytes: Length of its file.
        weight_bytes: Of its weights, as kernels take them.
        profile: The target.
    """
    plan = plan_memory(graph.main)
    arena = _arena(graph, plan)
    model, whole = _process(arena, model_size_bytes, weight_bytes)
    if not profile.runtimes:
        model = whole = unavailable("byte", NO_RUNTIME)
    limit = _limit_kib(profile)
    return MemoryEstimate(
        arena=arena,
        peak_operator="" if plan.operator is None else graph.main.operators[plan.operator].name,
        alive=tuple(_alive(graph, plan)),
        model_memory=model,
        peak_rss=whole,
        limit_kib=limit,
        outcome=_outcome(whole, limit),
    )


def _arena(graph: Graph, plan: MemoryPlan) -> Figure:
    if plan.unknown:
        return unavailable("byte", f"the size of tensor {graph.main.tensors[plan.unknown[0]].name} is not known")
    method = PLAN_METHOD.get(graph.format, PLAN_METHOD["onnx"])
    if plan.hybrid:
        method += f"; without the scratch memory of {plan.hybrid} operators of float values by integer weights"
    most = plan.size_bytes * (2.0 if plan.hybrid else 1.1)
    return Figure("predicted", "byte", plan.size_bytes, method, Interval(plan.bound_bytes, most, CONFIDENCE))


def _process(arena: Figure, model_size: int, weights: int) -> tuple[Figure, Figure]:
    if arena.value is None or arena.interval is None:
        return arena, arena
    method = (
        "the file, the weights laid out anew for the kernels, the plan of the activations, and 5 MB of libraries, "
        "as measured on x86-64"
    )
    low, high = max(model_size, weights) + arena.interval.low, model_size + weights + 2 * arena.interval.high
    value = model_size + weights + arena.value + LIBRARY_BYTES
    model = Interval(low, max(high + LIBRARY_MOST_BYTES, value), CONFIDENCE)
    whole = Interval(model.low + PROCESS_LEAST_BYTES, model.high + PROCESS_MOST_BYTES, CONFIDENCE)
    return (
        Figure("predicted", "byte", value, method, model),
        Figure("predicted", "byte", value + PROCESS_BYTES, f"{method}; 37 MB of Python and numpy", whole),
    )


def _alive(graph: Graph, plan: MemoryPlan) -> list[AliveBlock]:
    tensors = graph.main.tensors
    return [
        AliveBlock(tensors[block.tensors[0]].name if block.tensors else "", block.size_bytes) for block in plan.alive
    ]


def _limit_kib(profile: Profile) -> float | None:
    if profile.budgets.peak_rss_kib is not None:
        return profile.budgets.peak_rss_kib
    return None if profile.memory.ram_kib is None else float(profile.memory.ram_kib.value)


def _outcome(whole: Figure, limit_kib: float | None) -> Literal["fits", "over", "unknown"]:
    if whole.interval is None or limit_kib is None:
        return "unknown"
    if whole.interval.high <= limit_kib * KIB:
        return "fits"
    return "over" if whole.interval.low > limit_kib * KIB else "unknown"
