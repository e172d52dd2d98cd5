"""What crosses the link between a processor and its accelerator in an inference, and how long it takes."""

from __future__ import annotations

from edgekit_targets.estimate.latency import Unpredictable
from edgekit_targets.estimate.subject import Subject
from edgekit_targets.findings import Placement
from edgekit_targets.hardware import KIB
from edgekit_targets.npu import Link
from edgekit_targets.profile import Profile


def streamed_bytes(subject: Subject, profile: Profile) -> int:
    """Weights that do not fit on the chip of an accelerator behind a link: they cross it in each inference.

    Args:
        subject: The model.
        profile: The target.
    """
    npu = profile.npu
    if npu is None or profile.link is None or npu.sram_kib is None:
        return 0
    return max(0, subject.constant_bytes - npu.sram_kib.value * KIB)


def link_us(subject: Subject, placement: Placement, profile: Profile) -> float:
    """How long the bytes of an inference take over the link, in microseconds; 0 without one.

    Args:
        subject: The model.
        placement: What runs on the accelerator.
        profile: The target.

    Raises:
        Unpredictable: The profile does not tell how fast it is.
    """
    if profile.link is None:
        return 0.0
    if profile.link.bandwidth_mb_s is None:
        raise Unpredictable("the profile does not say link.bandwidth_mb_s")
    over = streamed_bytes(subject, profile) + (placement.link.value or 0.0)
    return over / profile.link.bandwidth_mb_s.value


def crossings_us(placement: Placement, link: Link | None) -> float:
    """What crossing it costs beside the bytes: once for each part that the accelerator runs.

    Args:
        placement: What runs on the accelerator.
        link: The link; `None` without one.
    """
    if link is None or link.latency_us is None:
        return 0.0
    return (placement.partitions.value or 0.0) * link.latency_us.value
