"""What would make a model cheaper on a target, and what each would win: said only where it can be told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from edgekit_runtime.figure import Figure, Interval, unavailable
from edgekit_targets.estimate.cores import Precision
from edgekit_targets.estimate.memory import (
    LIBRARY_BYTES,
    LIBRARY_LEAST_BYTES,
    LIBRARY_MOST_BYTES,
    MemoryEstimate,
)
from edgekit_targets.estimate.predict import (
    PER_INT8,
    Prediction,
    as_int8,
    main_precision,
    narrowed,
    predict_on,
)
from edgekit_targets.estimate.ranges import ASSUMED, CONFIDENCE, SHORT_MS
from edgekit_targets.estimate.work import Load
from edgekit_targets.graph.kinds import LAYOUT
from edgekit_targets.profile import Profile

RATIO_SPREAD = 1.3  # ratios of two models on one board with one engine (docs/validation.md)
UNIT = "times"
FEWER = 0.3
LEAST_LAYOUT = 0.03
# What four threads won over one, published for such boards (ncnn, benchmark/README.md of 2026-07-22).
FOUR_THREADS: dict[Precision, tuple[float, float]] = {"float32": (1.4, 2.4), "int8": (1.7, 3.1)}
TOO_LITTLE = "too little to tell from none: measure both"
TOO_SHORT = f"no gain can be told where an inference takes less than {SHORT_MS:g} ms: measure both"


@dataclass(frozen=True)
class Remedy:
    """Something to try.

    Attributes:
        gains: `time` or `memory`.
        what: What to do.
        flag: The option that does it; empty where it is done in the model's source.
        gain: How many times less it takes afterwards; unavailable where nothing can be promised.
        reason: Why it wins, or what it costs.
    """

    gains: str
    what: str
    flag: str
    gain: Figure
    reason: str


def remedies_for(prediction: Prediction | None, memory: MemoryEstimate, profile: Profile) -> tuple[Remedy, ...]:
    """What to try, by what it wins: first for the time, then for the memory.

    Args:
        prediction: The time; `None` where it is not predicted.
        memory: The memory.
        profile: The target.
    """
    found = [] if prediction is None else [remedy for make in TIME for remedy in make(prediction, profile)]
    memory_found = [] if prediction is None else list(_smaller_values(prediction.loads, memory))
    return (*_sorted(found), *_sorted(memory_found))


def _sorted(remedies: Sequence[Remedy]) -> list[Remedy]:
    return sorted(remedies, key=lambda remedy: -(remedy.gain.value or 0.0))


def _quantize(now: Prediction, profile: Profile) -> Iterator[Remedy]:
    if main_precision(now.loads) == "int8":
        return
    after = predict_on(now.machine, as_int8(now.loads), now.threads, now.scale)
    dotprod = profile.cpu.has("dotprod")
    why = "a quarter of the bytes" + (", and dot-product instructions" if dotprod else "; no dot-product instructions")
    yield Remedy("time", "quantize to int8", "--quantize int8 --calibrate DATA", _ratio(now, after), why)


def _threads(now: Prediction, profile: Profile) -> Iterator[Remedy]:  # noqa: ARG001  # the face of the others
    cores = now.machine.cores
    if now.threads > 1 or cores != 4:
        return
    what = f"use {cores} threads"
    if now.total_ms < SHORT_MS:
        yield Remedy("time", what, "--threads 4", unavailable(UNIT, TOO_SHORT), "waking threads costs about 10 µs each")
        return
    low, high = FOUR_THREADS[main_precision(now.loads)]
    after = predict_on(now.machine, now.loads, cores, now.scale)
    value = min(max(now.total_ms / after.total_ms, low), high)
    gain = Figure("predicted", UNIT, value, "within what was published for 4 threads", Interval(low, high, CONFIDENCE))
    why = "the cores share caches and memory"
    yield Remedy("time", what, "--threads 4", gain, why)


def _narrow(now: Prediction, profile: Profile) -> Iterator[Remedy]:
    dense = sum(now.share(part) for load, part in zip(now.loads, now.parts, strict=True) if load.dense_macs)
    if dense < 0.3:
        return
    fewer = narrowed(now.loads, 1 - FEWER)
    after = predict_on(now.machine, fewer, now.threads, now.scale)
    removed = 1 - sum(load.macs for load in fewer) / sum(load.macs for load in now.loads)
    alignment = profile.cpu.channel_alignment
    kept = f"; widths stay multiples of {alignment.value}" if alignment is not None and alignment.value > 1 else ""
    yield Remedy(
        "time",
        f"prune {100 * FEWER:.0f} % of the channels of each layer",
        f"--prune {removed:.1f} --train DATA",
        _ratio(now, after),
        f"of the Keras or PyTorch source, trained again{kept}",
    )


def _widths(now: Prediction, profile: Profile) -> Iterator[Remedy]:
    alignment = profile.cpu.channel_alignment
    if alignment is None:
        return
    odd = [
        (load, part)
        for load, part in zip(now.loads, now.parts, strict=True)
        if load.width > alignment.value and load.width % alignment.value and not load.last
    ]
    share = sum(now.share(part) for _, part in odd)
    if share < LEAST_LAYOUT:
        return
    widest = max(odd, key=lambda pair: pair[1].total_ms)[0]
    full = -(-widest.width // alignment.value) * alignment.value
    yield Remedy(
        "time",
        f"widen channels to multiples of {alignment.value}, such as {widest.width} to {full}",
        "",
        unavailable(UNIT, "it wins accuracy, not time"),
        f"{_layers(len(odd))} a block that is not full, with {100 * share:.0f} % of the time; its rest is free",
    )


def _layers(count: int) -> str:
    return "1 layer ends in" if count == 1 else f"{count} layers end in"


def _layout(now: Prediction, profile: Profile) -> Iterator[Remedy]:  # noqa: ARG001  # the face of the others
    moving = [(load, part) for load, part in zip(now.loads, now.parts, strict=True) if load.name in LAYOUT]
    share = sum(now.share(part) for _, part in moving)
    if share < LEAST_LAYOUT:
        return
    names = ", ".join(sorted({load.name for load, _ in moving}))
    after = predict_on(now.machine, [load for load in now.loads if load.name not in LAYOUT], now.threads, now.scale)
    yield Remedy(
        "time", f"do without operators that only move values ({names})", "", _ratio(now, after), f"{share:.0%}"
    )


def _smaller_values(loads: Sequence[Load], memory: MemoryEstimate) -> Iterator[Remedy]:
    """File, weights and activations shrink with their values; what the libraries take does not."""
    if main_precision(loads) == "int8" or memory.model_memory.value is None:
        return
    now = memory.model_memory.value
    values = (now - LIBRARY_BYTES) / PER_INT8
    least, most = now / (values + LIBRARY_MOST_BYTES), now / (values + LIBRARY_LEAST_BYTES)
    method = "the predicted memory beside that with a byte for each value; libraries as measured on x86-64"
    gain = unavailable(UNIT, TOO_LITTLE)
    if least > 1.0:
        gain = Figure("predicted", UNIT, now / (values + LIBRARY_BYTES), method, Interval(least, most, ASSUMED))
    why = "a byte for each weight and activation; the libraries stay as they are"
    yield Remedy("memory", "quantize to int8", "--quantize int8 --calibrate DATA", gain, why)


def _ratio(now: Prediction, after: Prediction) -> Figure:
    if min(now.total_ms, after.total_ms) < SHORT_MS:
        return unavailable(UNIT, TOO_SHORT)
    ratio = now.total_ms / after.total_ms
    span = Interval(ratio / RATIO_SPREAD, ratio * RATIO_SPREAD, CONFIDENCE)
    if span.low <= 1.0:
        return unavailable(UNIT, TOO_LITTLE)
    return Figure("predicted", UNIT, ratio, "ratio of two predictions on one board with one runtime", span)


TIME: tuple[Callable[[Prediction, Profile], Iterator[Remedy]], ...] = (_quantize, _threads, _narrow, _widths, _layout)
