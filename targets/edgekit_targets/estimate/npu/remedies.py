"""What would make a model faster on an accelerator, by what takes its time there."""

from __future__ import annotations

from collections.abc import Iterator

from edgekit_runtime.figure import unavailable
from edgekit_targets.estimate.npu.link import streamed_bytes
from edgekit_targets.estimate.npu.timing import LINK, NpuTime
from edgekit_targets.estimate.remedies import UNIT, Remedy
from edgekit_targets.estimate.subject import Subject
from edgekit_targets.hardware import KIB
from edgekit_targets.profile import Profile

LEAST_SHARE = 0.15
PRUNE = "--prune 0.5 --train DATA"
MEMORY = {
    "sram": ("write layers with fewer or smaller activations", "", "the memory on the chip is the limit there"),
    "flash": (
        "keep weights in SRAM or in a faster flash, or prune channels",
        PRUNE,
        "the flash where the weights lie is the limit there; a profile of your chip tells its own speed",
    ),
    "dram": (
        "keep weights and activations within the chip's SRAM, or prune channels",
        PRUNE,
        "main memory is the limit there; few channels of a picture come with each of its bursts",
    ),
}


def npu_remedies(time: NpuTime, subject: Subject, profile: Profile) -> tuple[Remedy, ...]:
    """What to try for the time on an accelerator, by the most that each could win.

    Args:
        time: The time.
        subject: The model.
        profile: The target.
    """
    found = [*_memories(time), *_streamed(time, subject, profile)]
    return tuple(remedy for _, remedy in sorted(found, key=lambda pair: -pair[0]))


def _memories(time: NpuTime) -> Iterator[tuple[float, Remedy]]:
    """Where a memory bounds operators, the most that a faster one wins is what their next bound leaves."""
    for name, (what, flag, why) in MEMORY.items():
        bound = [operator for operator in time.operators if operator.bound == name]
        saved = sum(operator.total_us - operator.without(name) for operator in bound)
        if saved >= LEAST_SHARE * time.total_us:
            yield saved, _remedy(time, saved, what, flag, f"{why} ({_of(len(bound), time)})")


def _streamed(time: NpuTime, subject: Subject, profile: Profile) -> Iterator[tuple[float, Remedy]]:
    streamed = streamed_bytes(subject, profile)
    if not streamed or time.parts_us[LINK] < LEAST_SHARE * time.total_us or profile.npu is None:
        return
    room = profile.npu.sram_kib
    assert room is not None, "nothing is streamed where the chip's memory is not known"
    pruned = 1 - room.value * KIB / subject.constant_bytes
    what = f"bring the weights onto the chip: {streamed // KIB} KiB of them cross the link in each inference"
    yield time.link_us, _remedy(time, time.link_us, what, PRUNE, f"{pruned:.0%} of the weights do not fit")


def _of(count: int, time: NpuTime) -> str:
    return f"{count} of {len(time.operators)} operators there"


def _remedy(time: NpuTime, saved_us: float, what: str, flag: str, why: str) -> Remedy:
    rest = time.total_us - saved_us
    most = f"at most {time.total_us / rest:.2g} times less" if rest > 0 else "most of it"
    return Remedy("time", what, flag, unavailable(UNIT, f"{most}, were that to cost nothing"), why)
