"""What a model will cost on a target: time, throughput, memory and energy, where they go, and what would help."""

from __future__ import annotations

from dataclasses import dataclass

from edgekit_runtime.figure import Figure, Interval, unavailable
from edgekit_targets.estimate.accelerated import Accelerated
from edgekit_targets.estimate.anchor import Anchor
from edgekit_targets.estimate.cores import TABLE
from edgekit_targets.estimate.energy import NOT_MEASURED, NOTHING_SCALES, estimate_energy
from edgekit_targets.estimate.fit import Outcome, fit_of
from edgekit_targets.estimate.latency import Parts, Unpredictable
from edgekit_targets.estimate.memory import MemoryEstimate, estimate_memory
from edgekit_targets.estimate.predict import METHOD, Prediction, latency_of, main_precision, predict
from edgekit_targets.estimate.price import Price, price_of
from edgekit_targets.estimate.remedies import FOUR_THREADS, Remedy, remedies_for
from edgekit_targets.estimate.subject import Subject
from edgekit_targets.estimate.work import Load
from edgekit_targets.profile import Profile

RUNTIMES = {"tflite": "LiteRT 2.3 with XNNPACK", "onnx": "onnxruntime, taken to be like LiteRT 2.3 with XNNPACK"}
NOT_ESTIMATED = "the rules of its accelerator were not asked"
NS_PER_S = 1e9
LINEAR = "share of the predicted time of all operators"
Time = tuple[Figure, Interval | None]


@dataclass(frozen=True)
class OperatorEstimate:
    """What one operator is predicted to take.

    Attributes:
        place: Its index in the main graph.
        name: What it does.
        output: Name of its first output.
        macs: Its multiply-accumulates.
        moved_bytes: Its weights, inputs and outputs.
        bound: What takes most of its time: `compute`, `cache`, `memory` or `overhead` on a processor; on an accelerator
            `compute`, `sram`, `flash` or `dram`, and `processor` where it is left to that.
        share: Its share of the time.
    """

    place: int
    name: str
    output: str
    macs: int
    moved_bytes: int
    bound: str
    share: Figure


@dataclass(frozen=True)
class BoundShare:
    """The share of the time that one kind of limit takes.

    Attributes:
        bound: As of operators; or the `link` between processor and accelerator, or `crossing` it beside the bytes.
        share: Its share.
    """

    bound: str
    share: Figure


@dataclass(frozen=True)
class Compilation:
    """What the compiler of an accelerator says of a model; nothing published was there to check it.

    Attributes:
        cycles: Of the accelerator's clock, for an inference.
        sram: Memory on the chip.
        time: The cycles at the clock of the profile.
    """

    cycles: Figure
    sram: Figure
    time: Figure


@dataclass(frozen=True)
class Estimate:
    """What a model is predicted to cost on a target.

    Attributes:
        target: The target's name.
        method: `estimated`, from the operator list.
        table: Which counted rates were taken; empty for an accelerator, whose profile tells the rates.
        runtime: The runtime, or the accelerator, for which it holds.
        threads: Its threads.
        clock_mhz: The clock it is predicted for; `None` where the profile tells none.
        precision: In which most is computed; empty where the model was not understood.
        latency: Of an inference; unavailable under 5 ms, where `latency_range_ms` tells its order.
        latency_range_ms: From the least to the most; `None` where nothing is known.
        throughput: Inferences in a second, one after the other with these threads.
        fit: Whether it fits the target: `fits`, `does not fit` or `unknown`.
        fit_reason: Why it does not, or why it is unknown; or what part an accelerator takes.
        fix: What makes it fit, or tells whether it does; empty where nothing is needed or known.
        memory: What it takes.
        energy: Of an inference, beyond what the idle board draws.
        bounds: What limits it, the largest share first.
        operators: Those of the main graph, those with the most time first.
        remedies: What to try, by what it wins.
        notes: What a reader must know.
        compilation: What the accelerator's compiler says; `None` where it was not asked.
        accelerated: What is known of the model on the accelerator; `None` without one, and where it was not checked.
        price: What the fix takes, and what the model costs with it; `None` without one.
    """

    target: str
    method: str
    table: str
    runtime: str
    threads: int
    clock_mhz: float | None
    precision: str
    latency: Figure
    latency_range_ms: Interval | None
    throughput: Figure
    fit: Outcome
    fit_reason: str
    fix: str
    memory: MemoryEstimate
    energy: Figure
    bounds: tuple[BoundShare, ...]
    operators: tuple[OperatorEstimate, ...]
    remedies: tuple[Remedy, ...]
    notes: tuple[str, ...]
    compilation: Compilation | None = None
    accelerated: Accelerated | None = None
    price: Price | None = None


def estimate(subject: Subject, profile: Profile, threads: int = 1, anchor: Anchor | None = None) -> Estimate:
    """Predict what a model costs on a target.

    Args:
        subject: The model.
        profile: The target.
        threads: Threads of the interpreter.
        anchor: A measurement on such a board.
    """
    prediction, why = _predicted(subject, profile, threads, anchor)
    latency, span = _latency(prediction, why, subject, anchor)
    memory = estimate_memory(subject, profile)
    fit = fit_of(subject, memory, profile)
    return Estimate(
        target=profile.name,
        method=METHOD,
        table=TABLE,
        runtime=RUNTIMES[subject.graph.format],
        threads=threads,
        clock_mhz=profile.cpu.clock_mhz.value if profile.cpu.clock_mhz else None,
        precision=main_precision(subject.loads) if subject.loads else "",
        latency=latency,
        latency_range_ms=span,
        throughput=throughput_of(latency, threads),
        fit=fit.outcome,
        fit_reason=fit.reason,
        fix=fit.fix,
        memory=memory,
        energy=estimate_energy(latency, threads, profile, _no_energy(subject, anchor)),
        bounds=_bounds(prediction),
        operators=_operators(prediction),
        remedies=remedies_for(prediction, memory, profile),
        notes=_notes(prediction, subject, anchor),
        price=None if fit.needs is None else price_of((fit.needs,)),
    )


def _predicted(
    subject: Subject, profile: Profile, threads: int, anchor: Anchor | None
) -> tuple[Prediction | None, str]:
    if subject.reason:
        return None, subject.reason
    if profile.npu is not None:
        return None, NOT_ESTIMATED
    try:
        return predict(subject.loads, profile, threads, anchor.scale if anchor else 1.0), ""
    except Unpredictable as reason:
        return None, str(reason)


def _latency(prediction: Prediction | None, why: str, subject: Subject, anchor: Anchor | None) -> Time:
    if prediction is None:
        return unavailable("ns", why), None
    latency = latency_of(prediction, subject.graph.format, anchor.model if anchor else "")
    return latency.figure, latency.range_ms


def _no_energy(subject: Subject, anchor: Anchor | None) -> str:
    if subject.graph.format != "tflite":
        return NOTHING_SCALES
    return NOT_MEASURED if anchor is None else ""


def throughput_of(latency: Figure, threads: int) -> Figure:
    """Inferences in a second, one after the other.

    Args:
        latency: Of an inference.
        threads: Threads of the interpreter.
    """
    if latency.value is None or latency.interval is None:
        return unavailable("1/s", "the latency is not predicted as a value")
    span = latency.interval
    ends = Interval(NS_PER_S / span.high, NS_PER_S / span.low, span.confidence)
    method = f"one inference after the other with {threads} threads, from the predicted latency"
    return Figure("predicted", "1/s", NS_PER_S / latency.value, method, ends)


def _bounds(prediction: Prediction | None) -> tuple[BoundShare, ...]:
    if prediction is None:
        return ()
    whole = prediction.whole
    times = {
        "compute": whole.compute_ms,
        "cache": whole.cache_ms,
        "memory": whole.memory_ms,
        "overhead": whole.overhead_ms,
    }
    shares = [BoundShare(bound, _share(time / whole.total_ms)) for bound, time in times.items()]
    return tuple(sorted(shares, key=lambda row: -(row.share.value or 0.0)))


def _operators(prediction: Prediction | None) -> tuple[OperatorEstimate, ...]:
    if prediction is None:
        return ()
    rows = [_operator(prediction, load, part) for load, part in zip(prediction.loads, prediction.parts, strict=True)]
    return tuple(sorted(rows, key=lambda row: (-(row.share.value or 0.0), row.place)))


def _operator(prediction: Prediction, load: Load, part: Parts) -> OperatorEstimate:
    moved = load.weight_bytes + load.activation_bytes
    share = _share(prediction.share(part))
    return OperatorEstimate(load.place, load.name, load.output, load.macs, moved, part.bound, share)


def _share(value: float) -> Figure:
    return Figure("predicted", "share", value, LINEAR)


def _notes(prediction: Prediction | None, subject: Subject, anchor: Anchor | None) -> tuple[str, ...]:
    notes = []
    if prediction is not None:
        core = prediction.machine.core
        precision = main_precision(subject.loads)
        if anchor is None and precision not in core.checked:
            notes.append(f"no published latency of such cores in {precision} was there to check it; {core.source}")
        if not prediction.machine.bandwidth_known:
            notes.append("the profile tells no memory bandwidth: that of a Raspberry Pi with such cores stands in")
        low, high = FOUR_THREADS[precision]
        if prediction.threads > 1 and prediction.gain > high:
            notes.append(
                f"beside one thread it is a larger gain than the {low:g} to {high:g} that others published for four "
                f"threads on boards in {precision}: do not take the gain of threads from it"
            )
        if subject.graph.format == "onnx":
            notes.append("kernels of LiteRT stand in for onnxruntime's, which were not counted")
    if anchor is not None and anchor.doubt:
        notes.append(anchor.doubt)
    return tuple(notes)
