"""What a calibration's figures contradict: each other, what the device tells of itself, or the profile below."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import median

from edgekit_runtime.record import Environment, Record
from edgekit_targets.profile import Profile, Speed

CLOCKS_APART = 0.05
RUNS_APART = 1.3  # processes on a quiet board differ by 5 to 20 %
PER_CYCLE = "_macs_per_cycle"  # which profiles that were not calibrated tell as the most that is possible
ABOVE = 1.05
COPIES_APART = 2.0


def doubts_of(
    base: Profile, records: tuple[Record, ...], speeds: Mapping[str, float], clock_mhz: float, copied_mb_s: float
) -> tuple[str, ...]:
    """What speaks against a calibration, each as one line.

    Args:
        base: The profile that it builds on.
        records: Of the micro-benchmarks.
        speeds: The figures of `cpu.speed` that were found.
        clock_mhz: The clock that they were found with.
        copied_mb_s: What one core copied in a second, in units of 10^6 bytes.
    """
    return (
        *_of_the_board(base, records[0].environment),
        *_of_the_clock(records, clock_mhz),
        *_of_the_runs(records),
        *_of_the_speeds(base.cpu.speed, speeds, clock_mhz),
        *_of_the_copy(base, copied_mb_s),
    )


def _of_the_board(base: Profile, environment: Environment) -> Iterator[str]:
    board = environment.board.value
    if board is not None and base.boards and not board.startswith(base.boards):
        yield f"the device is a {board}, and no board of {base.name}, which the profile extends"
    cores, isa = base.cpu.cores, base.cpu.isa
    if cores is not None and base.boards and cores.value != environment.cores:
        yield f"the device has {environment.cores} cores, and {base.name} has {cores.value}"
    if isa is not None and isa.value != environment.machine:
        yield f"the device's instruction set is {environment.machine}, and that of {base.name} is {isa.value}"


def _of_the_clock(records: tuple[Record, ...], clock_mhz: float) -> Iterator[str]:
    read = [run.clock_mhz for record in records for run in record.runs if run.clock_mhz is not None]
    if read and abs(max(read) / clock_mhz - 1) > CLOCKS_APART:
        yield f"the clock was told as {clock_mhz:g} MHz, and the device's own reading is {max(read):g} MHz"
    if read and min(read) < max(read) * (1 - CLOCKS_APART):
        yield f"the clock moved between {min(read):g} and {max(read):g} MHz while it was measured"


def _of_the_runs(records: tuple[Record, ...]) -> Iterator[str]:
    for record in records:
        middles = [median(run.latency_ns) for run in record.runs]
        if max(middles) > min(middles) * RUNS_APART:
            apart = max(middles) / min(middles)
            yield f"processes with {record.model.name} differ by {apart:.2g}x: something else ran, or the clock moved"


def _of_the_speeds(limits: Speed | None, speeds: Mapping[str, float], clock_mhz: float) -> Iterator[str]:
    for precision in ("float32", "int8"):
        dense, depthwise = (speeds[f"{kind}{precision}{PER_CYCLE}"] for kind in ("", "depthwise_"))
        if depthwise > dense:
            yield (
                f"depthwise convolutions in {precision} took {depthwise:g} MACs in a cycle and dense ones {dense:g}, "
                "which have more to reuse: something slowed the dense ones"
            )
    for figure, found in speeds.items():
        limit = getattr(limits, figure, None)
        if (
            figure.endswith(PER_CYCLE)
            and limit is not None
            and limit.confidence != "verified"
            and found > limit.value * ABOVE
        ):
            yield (
                f"cpu.speed.{figure} is {found:g}, and its pipelines allow {limit.value:g}: "
                f"the clock is above {clock_mhz:g} MHz, or it is another core"
            )


def _of_the_copy(base: Profile, copied_mb_s: float) -> Iterator[str]:
    told = base.memory.bandwidth_mb_s
    if told is not None and not told.value / COPIES_APART < copied_mb_s < told.value * COPIES_APART:
        yield f"one core copies {copied_mb_s:.0f} MB/s, and {base.name} tells {told.value:g} MB/s"
