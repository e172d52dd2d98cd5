"""The memory that a model takes on a target: its plan of activations, its weights, and the process around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from edgekit_runtime.figure import Figure, Interval, unavailable
from edgekit_targets.estimate.ranges import ASSUMED, CONFIDENCE
from edgekit_targets.estimate.subject import Subject
from edgekit_targets.profile import Profile

KIB = 1024
MEGABYTE = 1e6
NO_RUNTIME = "edgekit's runtime does not run there"
NO_PLAN = "the accelerator's compiler plans the memory there, and no interpreter whose plan is known"
# On x86-64 with LiteRT 2.3.0 and one thread, ten models of 0.1 to 100 MB took 3.7 to 5.9 MB beside the file, the
# weights that XNNPACK lays out anew, and the plan; a process without a model took 37 MB (docs/validation.md).
LIBRARY_BYTES = 5_000_000
LIBRARY_LEAST_BYTES, LIBRARY_MOST_BYTES = 3_700_000, 8_000_000
PROCESS_BYTES = 37_000_000
PROCESS_LEAST_BYTES, PROCESS_MOST_BYTES = 25_000_000, 50_000_000
SMALL_SCRATCH_BYTES = 1024  # more than a reduction or an addition takes to itself
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


Outcome = Literal["fits", "over", "unknown"]
"""Whether a limit is kept: for certain, for certain not, or not known."""


@dataclass(frozen=True)
class MemoryLimit:
    """A limit of a target's memory, held against what a model takes.

    Attributes:
        what: What is limited, in words: a process with the model, or the model within it.
        limit_kib: The limit.
        outcome: Whether it is kept.
        reason: Why it is not, or why that is unknown; empty where it is kept.
    """

    what: str
    limit_kib: float
    outcome: Outcome
    reason: str


@dataclass(frozen=True)
class MemoryEstimate:
    """The memory that a model takes.

    Attributes:
        arena: The plan of its activations.
        peak_operator: The operator at which most of it is taken; empty in a graph without operators.
        alive: What is alive there, the largest first.
        model_memory: What the model adds to a process.
        peak_rss: The process with edgekit's runtime, in all.
        limit_kib: What a process may take: the budget of the target or its memory, whichever is less; `None` where
            it tells neither.
        limits: Each limit that the target tells.
    """

    arena: Figure
    peak_operator: str
    alive: tuple[AliveBlock, ...]
    model_memory: Figure
    peak_rss: Figure
    limit_kib: float | None
    limits: tuple[MemoryLimit, ...]

    @property
    def outcome(self) -> Outcome:
        """Whether every limit is kept."""
        found = [limit.outcome for limit in self.limits]
        return "over" if "over" in found else "unknown" if "unknown" in found or not found else "fits"


def estimate_memory(subject: Subject, profile: Profile) -> MemoryEstimate:
    """Predict the memory that a model takes, and hold it against every limit that a target tells.

    Args:
        subject: The model.
        profile: The target.
    """
    if not profile.runtimes:
        none = unavailable("byte", NO_RUNTIME)
        return MemoryEstimate(unavailable("byte", NO_PLAN), "", (), none, none, _process_limit_kib(profile), ())
    graph, plan = subject.graph, subject.plan
    arena = _arena(subject)
    model, whole = _process(arena, subject.size_bytes, subject.weight_bytes, beside=profile.npu is not None)
    return MemoryEstimate(
        arena=arena,
        peak_operator="" if plan.operator is None else graph.main.operators[plan.operator].name,
        alive=tuple(_alive(subject)),
        model_memory=model,
        peak_rss=whole,
        limit_kib=_process_limit_kib(profile),
        limits=tuple(_limits(subject, model, whole, profile)),
    )


def _arena(subject: Subject) -> Figure:
    graph, plan = subject.graph, subject.plan
    if plan.unknown:
        return unavailable("byte", f"the size of tensor {graph.main.tensors[plan.unknown[0]].name} is not known")
    method = PLAN_METHOD.get(graph.format, PLAN_METHOD["onnx"])
    if plan.left_out:
        method += (
            f"; without the scratch memory of {plan.left_out} operators: float values by integer weights, recurrent "
            "layers, or products of two computed values"
        )
    most = plan.size_bytes * (2.0 if plan.left_out else 1.1) + SMALL_SCRATCH_BYTES
    return Figure("predicted", "byte", plan.size_bytes, method, Interval(plan.bound_bytes, most, CONFIDENCE))


def _process(arena: Figure, model_size: int, weights: int, *, beside: bool) -> tuple[Figure, Figure]:
    """What a model adds to a process, and the whole; beside an accelerator the file alone is the least."""
    if arena.value is None or arena.interval is None:
        return arena, arena
    method = (
        "the file, the weights laid out anew for the kernels, the plan of the activations, and 5 MB of libraries, "
        "as measured on x86-64; not checked on such a board"
    )
    least = model_size if beside else max(model_size, weights) + arena.interval.low
    high = model_size + weights + 2 * arena.interval.high
    value = model_size + weights + arena.value + LIBRARY_BYTES
    model = Interval(least, max(high + LIBRARY_MOST_BYTES, value), ASSUMED)
    whole = Interval(model.low + PROCESS_LEAST_BYTES, model.high + PROCESS_MOST_BYTES, ASSUMED)
    return (
        Figure("predicted", "byte", value, method, model),
        Figure("predicted", "byte", value + PROCESS_BYTES, f"{method}; 37 MB of Python and numpy", whole),
    )


def _alive(subject: Subject) -> list[AliveBlock]:
    tensors = subject.graph.main.tensors
    return [
        AliveBlock(tensors[block.tensors[0]].name if block.tensors else "", block.size_bytes)
        for block in subject.plan.alive
    ]


def _process_limit_kib(profile: Profile) -> float | None:
    ram = profile.memory.ram_kib
    told = (profile.budgets.peak_rss_kib, None if ram is None else float(ram.value))
    return min((limit for limit in told if limit is not None), default=None)


def _limits(subject: Subject, model: Figure, whole: Figure, profile: Profile) -> Iterator[MemoryLimit]:
    """Each limit; of what is not predicted, the file and a process of its own are the least."""
    process_kib, model_kib = _process_limit_kib(profile), profile.budgets.model_memory_kib
    if process_kib is not None:
        yield _held("a process with it", process_kib, whole, subject.size_bytes + PROCESS_LEAST_BYTES)
    if model_kib is not None:
        yield _held("the model", model_kib, model, subject.size_bytes)


def _held(what: str, limit_kib: float, figure: Figure, least_bytes: int) -> MemoryLimit:
    limit, span = limit_kib * KIB, figure.interval
    low = least_bytes if span is None else span.low
    allowed = f"{_megabytes(limit)} MB are allowed"
    if low > limit:
        return MemoryLimit(what, limit_kib, "over", f"{what} takes at least {_megabytes(low)} MB, and {allowed}")
    if span is None:
        return MemoryLimit(what, limit_kib, "unknown", figure.reason)
    if span.high <= limit:
        return MemoryLimit(what, limit_kib, "fits", "")
    reason = f"{what} may take {_megabytes(low)} to {_megabytes(span.high)} MB, and {allowed}"
    return MemoryLimit(what, limit_kib, "unknown", reason)


def _megabytes(size: float) -> str:
    megabytes = size / MEGABYTE
    return f"{megabytes:.2g}" if megabytes < 10 else f"{megabytes:.0f}"
