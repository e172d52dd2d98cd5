"""A latency from what an inference does, counted on an emulated processor."""

from __future__ import annotations

from edgekit_runtime.counts import Counts
from edgekit_runtime.figure import Figure, unavailable
from edgekit_targets.estimate.cores import Core, Precision, core_named
from edgekit_targets.estimate.latency import Machine, Unpredictable, Work, check_threads, machine_of, time_of, told
from edgekit_targets.estimate.ranges import CHECKED, UNCHECKED, Latency, Trust, latency_figure
from edgekit_targets.profile import Profile

METHOD = "counted"


def latency_from_counts(counts: Counts, profile: Profile, threads: int) -> Figure:
    """Predict a latency from counted cycles and memory traffic.

    Args:
        counts: Of one inference, on one thread.
        profile: The target, whose processor was emulated.
        threads: Threads that share the work on the target.

    Returns:
        Nanoseconds, predicted, with an interval; unavailable with the reason where the target or the counts do not
        tell enough, and under 5 ms, where only the order of magnitude is known.

    Raises:
        ValueError: Threads are none.
    """
    try:
        return counted_latency(counts, profile, threads).figure
    except Unpredictable as reason:
        return unavailable("ns", str(reason))


def counted_latency(counts: Counts, profile: Profile, threads: int) -> Latency:
    """Likewise, with the range that holds where no single value does.

    Raises:
        Unpredictable: The target or the counts do not tell enough.
        ValueError: Threads are none.
    """
    if threads < 1:
        raise ValueError(f"threads is {threads}; allowed: 1 or more")
    machine = machine_of(profile)
    check_threads(machine, threads, profile)
    _check_processor(counts, machine.core, profile)
    work = work_counted(counts)
    parts = time_of(work, machine, threads)
    return latency_figure(parts.total_ms, _trust(counts, machine.core), _method(machine, threads))


def work_counted(counts: Counts) -> Work:
    """Counts as work for the formula.

    Raises:
        Unpredictable: The caches were not simulated, or nobody counted the operators.
    """
    if not counts.port_cycles or not counts.l1_refill_bytes:  # a small model needs no main memory, but each needs lines
        raise Unpredictable("the emulated run counted no cycles, or no lines into the first cache")
    if not counts.operators:  # each costs time beside its work
        raise Unpredictable("how many operators the file has is not known")
    return Work(counts.port_cycles, counts.l1_refill_bytes, counts.dram_bytes, counts.operators)


def _check_processor(counts: Counts, core: Core, profile: Profile) -> None:
    emulated = core_named(counts.cpu)
    if emulated is None or emulated.rates is not core.rates:
        model = profile.cpu.model.value if profile.cpu.model else "unknown"
        raise Unpredictable(f"counted on an emulated {counts.cpu}, and target {profile.name} has a {model}")


def _trust(counts: Counts, core: Core) -> Trust:
    precision: Precision = "int8" if counts.dot_products else "float32"
    return CHECKED if precision in core.checked else UNCHECKED


def _method(machine: Machine, threads: int) -> str:
    return (
        f"{METHOD}: cycles and cache lines of an emulated inference, {told(machine, threads)}; "
        "not a measurement, not checked on your board"
    )
