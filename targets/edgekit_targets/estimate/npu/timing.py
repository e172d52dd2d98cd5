"""The time of a model on a target with an accelerator: the accelerator, the link to it, and the processor's part.

time = operators on the accelerator, one after the other
     + bytes over the link / its bandwidth + what crossing it costs
     + operators on the processor, by its own formula
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from edgekit_targets.estimate.latency import Unpredictable
from edgekit_targets.estimate.npu.link import crossings_us, link_us
from edgekit_targets.estimate.npu.roofline import NpuOperator, operators_on
from edgekit_targets.estimate.predict import Prediction, predict
from edgekit_targets.estimate.subject import Subject
from edgekit_targets.findings import Placement
from edgekit_targets.profile import Profile

US_PER_MS = 1e3
COUNTED = "tflite"  # the format whose kernels were counted on processors
LINK, CROSSING, PROCESSOR = "link", "crossing", "processor"


@dataclass(frozen=True)
class NpuTime:
    """The time of a model on an accelerator, its link and its processor.

    Attributes:
        operators: Those on the accelerator.
        link_us: What crosses the link takes, weights that do not fit on the chip among it.
        crossing_us: What crossing it costs beside the bytes.
        processor: The operators that are left to the processor; `None` where none are.
    """

    operators: tuple[NpuOperator, ...]
    link_us: float
    crossing_us: float
    processor: Prediction | None

    @cached_property
    def total_us(self) -> float:
        """All of it."""
        return sum(time for _, time in self._each())

    @cached_property
    def parts_us(self) -> dict[str, float]:
        """From what takes time to how long that is, all operators together."""
        parts: dict[str, float] = {}
        for name, time in self._each():
            parts[name] = parts.get(name, 0.0) + time
        return parts

    @property
    def processor_us(self) -> float:
        """The processor's part."""
        return 0.0 if self.processor is None else self.processor.total_ms * US_PER_MS

    def _each(self) -> Iterator[tuple[str, float]]:
        yield from ((operator.bound, operator.total_us) for operator in self.operators)
        yield from ((LINK, self.link_us), (CROSSING, self.crossing_us), (PROCESSOR, self.processor_us))


def npu_time(subject: Subject, placement: Placement, profile: Profile, threads: int = 1) -> NpuTime:
    """The time of a model on a target with an accelerator, by the profile's figures.

    Args:
        subject: The model.
        placement: What runs where.
        profile: The target.
        threads: Threads of the processor's interpreter.

    Raises:
        Unpredictable: The rules do not tell what runs there, the model was not understood, or a figure is missing.
    """
    assert profile.npu is not None, "who calls this has looked"
    if not placement.complete:
        raise Unpredictable("it is not known what of the model runs on the accelerator")
    if not placement.operators.value:
        raise Unpredictable("nothing of the model runs on the accelerator")
    left = frozenset(place.operator for place in placement.left)
    there = frozenset(range(len(subject.graph.main.operators))) - left
    return NpuTime(
        operators=operators_on(subject, there, profile.npu),
        link_us=link_us(subject, placement, profile),
        crossing_us=crossings_us(placement, profile.link),
        processor=_processor(subject, left, profile, threads),
    )


def _processor(subject: Subject, left: frozenset[int], profile: Profile, threads: int) -> Prediction | None:
    loads = [load for load in subject.loads if load.place in left]
    if not loads:
        return None
    if subject.graph.format != COUNTED or not profile.runtimes:
        raise Unpredictable("some operators run on a processor whose kernels were not counted")
    return predict(loads, profile, threads)
