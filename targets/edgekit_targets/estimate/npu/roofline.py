"""The time of each operator on an accelerator, by the figures of its profile.

    of an Ethos-U    time = max(filled multipliers / rate, bytes / bandwidth of each memory), which overlap
    of others        time = multiply-accumulates / sustained rate + bytes / bandwidth of the memory on the chip

What overlaps in the others is not published, so nothing is taken to; docs/validation.md holds the sum against what is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from edgekit_targets.estimate.latency import Unpredictable
from edgekit_targets.estimate.npu.ethos_u import ethos_u_times
from edgekit_targets.estimate.subject import Subject
from edgekit_targets.estimate.work import Load
from edgekit_targets.npu import Npu

OPERATIONS = 2  # of each multiply-accumulate, as makers count them
NOT_TOLD = "nothing published tells what this accelerator sustains (npu.sustained_gops, npu.sram_bandwidth_mb_s)"


@dataclass(frozen=True)
class NpuOperator:
    """The time of an operator on an accelerator.

    Attributes:
        load: What it computes and moves.
        times_us: From what may bound it to how long that takes: `compute`, `sram`, `flash`, `dram`.
        overlap: Whether all of these go on at the same time.
    """

    load: Load
    times_us: Mapping[str, float]
    overlap: bool = True

    @property
    def bound(self) -> str:
        """What takes the longest."""
        return max(self.times_us, key=lambda name: self.times_us[name])

    @property
    def total_us(self) -> float:
        """How long it takes."""
        return self._all(self.times_us.values())

    def without(self, bound: str) -> float:
        """How long it would take if one of these took no time, in microseconds."""
        return self._all(time for name, time in self.times_us.items() if name != bound)

    def _all(self, times: Iterable[float]) -> float:
        return max(times, default=0.0) if self.overlap else sum(times)


def operators_on(subject: Subject, places: Iterable[int], npu: Npu) -> tuple[NpuOperator, ...]:
    """The time of each operator that an accelerator runs.

    Args:
        subject: The model.
        places: Indexes of the operators of its main graph that run there.
        npu: The accelerator.

    Raises:
        Unpredictable: The model was not understood, or the profile does not tell enough of the accelerator.
    """
    if subject.reason:
        raise Unpredictable(subject.reason)
    there = frozenset(places)
    loads = [load for load in subject.loads if load.place in there]
    if npu.family == "ethos-u":
        return tuple(NpuOperator(load, ethos_u_times(load, subject, npu)) for load in loads)
    return tuple(NpuOperator(load, sustained_times(load, npu), overlap=False) for load in loads)


def sustained_times(load: Load, npu: Npu) -> Mapping[str, float]:
    """From what takes time in an operator to how much, in microseconds, by what the accelerator sustains.

    Args:
        load: What it computes and moves.
        npu: The accelerator.

    Raises:
        Unpredictable: The profile does not tell what it sustains.
    """
    if npu.sustained_gops is None or npu.sram_bandwidth_mb_s is None:
        raise Unpredictable(NOT_TOLD)
    return {
        "compute": OPERATIONS * load.macs / (npu.sustained_gops.value * 1e3),
        "sram": load.activation_bytes / npu.sram_bandwidth_mb_s.value,
    }
