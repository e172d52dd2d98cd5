"""An estimate with the time of an accelerator in it, as far as its profile tells one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from edgekit_runtime.figure import Figure, Interval, unavailable
from edgekit_targets.estimate.estimate import BoundShare, Estimate, OperatorEstimate, throughput_of
from edgekit_targets.estimate.latency import Unpredictable
from edgekit_targets.estimate.npu.remedies import npu_remedies
from edgekit_targets.estimate.npu.timing import PROCESSOR, US_PER_MS, NpuTime, npu_time
from edgekit_targets.estimate.ranges import ON_EDGETPU, ON_ETHOS_U, UNCHECKED, Latency, latency_figure
from edgekit_targets.estimate.subject import Subject
from edgekit_targets.estimate.work import Load
from edgekit_targets.findings import Placement
from edgekit_targets.profile import Profile

METHOD = "estimated operator by operator, by the figures of the profile"
VELA_ALONE = "no published latency checks it; the range is how far Vela's own estimates lie from it"
SHARE = "share of the predicted time of accelerator, link and processor"


def with_accelerator(estimate: Estimate, subject: Subject, placement: Placement, profile: Profile) -> Estimate:
    """The estimate with the time on the target's accelerator, where it goes, and what would help.

    Args:
        estimate: The estimate.
        subject: The model.
        placement: What runs on the accelerator.
        profile: The target.
    """
    try:
        time = npu_time(subject, placement, profile, estimate.threads)
    except Unpredictable as reason:
        return replace(estimate, latency=unavailable("ns", str(reason)))
    latency = _latency(time, profile)
    assert profile.npu is not None, "who calls this has looked"
    return replace(
        estimate,
        runtime=profile.npu.model.value,
        table="",
        latency=latency.figure,
        latency_range_ms=latency.range_ms,
        throughput=throughput_of(latency.figure, estimate.threads),
        bounds=_bounds(time),
        operators=tuple(sorted(_operators(time), key=lambda row: (-(row.share.value or 0.0), row.place))),
        remedies=(*npu_remedies(time, subject, profile), *estimate.remedies),
    )


def _latency(time: NpuTime, profile: Profile) -> Latency:
    """Of an Ethos-U a range alone: nothing that was measured there is published beside its clock and memories."""
    total_ms = time.total_us / US_PER_MS
    assert profile.npu is not None, "who calls this has looked"
    if profile.npu.family != "ethos-u":
        trust = ON_EDGETPU if profile.npu.family == "edgetpu" else UNCHECKED
        return latency_figure(total_ms, trust, METHOD, advice="")
    span = Interval(total_ms * ON_ETHOS_U.low, total_ms * ON_ETHOS_U.high, ON_ETHOS_U.confidence)
    return Latency(unavailable("ns", VELA_ALONE), span)


def _bounds(time: NpuTime) -> tuple[BoundShare, ...]:
    shares = [BoundShare(name, _share(part, time)) for name, part in time.parts_us.items() if part]
    return tuple(sorted(shares, key=lambda row: -(row.share.value or 0.0)))


def _operators(time: NpuTime) -> Iterator[OperatorEstimate]:
    for operator in time.operators:
        yield _operator(operator.load, operator.bound, _share(operator.total_us, time))
    if time.processor is not None:
        for load, part in zip(time.processor.loads, time.processor.parts, strict=True):
            yield _operator(load, PROCESSOR, _share(time.processor_us * time.processor.share(part), time))


def _operator(load: Load, bound: str, share: Figure) -> OperatorEstimate:
    moved = load.weight_bytes + load.activation_bytes
    return OperatorEstimate(load.place, load.name, load.output, load.macs, moved, bound, share)


def _share(part_us: float, time: NpuTime) -> Figure:
    return Figure("predicted", "share", part_us / time.total_us if time.total_us else 0.0, SHARE)
