"""What is known of a model on an accelerator before its compiler was asked: what it takes, and what bounds its time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edgekit_runtime.figure import Figure, unavailable
from edgekit_targets.estimate.subject import Subject
from edgekit_targets.findings import Check, Finding, Place, Placement
from edgekit_targets.npu import Npu
from edgekit_targets.profile import Profile

OPERATIONS = 2  # of each multiply-accumulate, as makers count them
NS_PER_US = 1e3
UNCHECKED = "a bound by the profile's figures, not a prediction: nothing else is counted"


@dataclass(frozen=True)
class LeastTime:
    """A time that an inference takes at the least.

    Attributes:
        what: What takes it.
        time: How long, if nothing else took any.
    """

    what: str
    time: Figure


@dataclass(frozen=True)
class Accelerated:
    """A model on an accelerator.

    Attributes:
        placement: What runs there.
        operators: How many operators the main graph has.
        macs_left: The share of the multiply-accumulates that the processor does.
        left: The operators that fall to the processor.
        least: What bounds the time, the longest first.
        findings: What speaks against it there, the most costly first, each with its fix.
        alignment: Channel counts that are a multiple of this one use it fully; 0 where the profile does not say.
        unfilled: The share of the multiply-accumulates in layers with other counts, the model's answers left out.
    """

    placement: Placement
    operators: Figure
    macs_left: Figure
    left: tuple[Place, ...]
    least: tuple[LeastTime, ...]
    findings: tuple[Finding, ...]
    alignment: int
    unfilled: Figure


def accelerated(check: Check, subject: Subject, profile: Profile) -> Accelerated | None:
    """What a check says of a model on an accelerator; `None` for a target without one.

    Args:
        check: The check.
        subject: The model.
        profile: The target.
    """
    placement = check.placement
    if placement is None or profile.npu is None:
        return None
    whole, there = check.macs.value or 0.0, placement.macs.value or 0.0
    left = Figure("predicted", "share", 1 - there / whole if whole else 0.0, placement.macs.method)
    least = sorted(_least(placement, profile, profile.npu), key=lambda one: -(one.time.value or 0.0))
    alignment = profile.npu.channel_alignment.value if profile.npu.channel_alignment is not None else 0
    return Accelerated(
        placement=placement,
        operators=check.operators,
        macs_left=left,
        left=placement.left,
        least=tuple(least),
        findings=check.findings,
        alignment=alignment,
        unfilled=_unfilled(subject, alignment),
    )


def _unfilled(subject: Subject, alignment: int) -> Figure:
    whole = sum(load.macs for load in subject.loads)
    if not whole or not alignment:
        return unavailable("share", subject.reason or "the profile does not say npu.channel_alignment")
    odd = sum(load.macs for load in subject.loads if load.width % alignment and not load.last)
    return Figure("predicted", "share", odd / whole, "counted from the shapes in the file")


def _least(placement: Placement, profile: Profile, npu: Npu) -> Iterator[LeastTime]:
    macs, rate = placement.macs.value, _macs_per_us(npu)
    if macs and rate is not None:
        yield LeastTime("its multiply-accumulates", _time(macs / rate))
    link, moved = profile.link, placement.link.value
    if moved and link is not None and link.bandwidth_mb_s is not None:
        yield LeastTime(f"what crosses the {link.name.value}", _time(moved / link.bandwidth_mb_s.value))


def _macs_per_us(npu: Npu) -> float | None:
    """The most that it does, by its clock or as its maker tells."""
    if npu.macs_per_cycle is not None and npu.clock_mhz is not None:
        return npu.macs_per_cycle.value * npu.clock_mhz.value
    return None if npu.peak_gops is None else npu.peak_gops.value * NS_PER_US / OPERATIONS


def _time(time_us: float) -> Figure:
    return Figure("predicted", "ns", time_us * NS_PER_US, UNCHECKED)
