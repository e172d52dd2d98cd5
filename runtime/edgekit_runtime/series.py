"""What is measured over a longer time, and what the processor counted; each whole, or with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Bucket:
    """A part of a longer time.

    Attributes:
        begin_s: Seconds from the beginning.
        inferences: How many were made.
        p50_ns: Median time of one.
        p99_ns: 99 % of them took at most this.
        rss_bytes: Resident memory at its end; `None` where the system does not tell.
        clock_mhz: Clock of the processor at its end; `None` where the system does not tell.
        temperature_c: Temperature of the processor during it; `None` where the system does not tell.
        throttle_bits: As `vcgencmd get_throttled` gave them during it; `None` where it does not.
    """

    begin_s: float
    inferences: int
    p50_ns: float
    p99_ns: float
    rss_bytes: Optional[int] = None
    clock_mhz: Optional[float] = None
    temperature_c: Optional[float] = None
    throttle_bits: Optional[int] = None

    def __post_init__(self) -> None:
        if self.begin_s < 0 or min(self.inferences, self.p50_ns, self.p99_ns) <= 0:
            raise ValueError("a bucket begins at 0 or later, and has inferences that took more than 0")


@dataclass(frozen=True)
class Sustained:
    """One process that ran the model without a rest, or the reason why there is none.

    Attributes:
        elapsed_s: How long.
        inferring_share: Share of it that inferences took; the rest went into measuring.
        buckets: Its parts, in order.
        reason: Why there is nothing; empty otherwise.
    """

    elapsed_s: float = 0.0
    inferring_share: float = 0.0
    buckets: tuple[Bucket, ...] = ()
    reason: str = ""

    def __post_init__(self) -> None:
        parts = (self.elapsed_s > 0, self.inferring_share > 0, bool(self.buckets))
        if any(part == bool(self.reason) for part in parts):
            raise ValueError("a sustained run has a length, a share and buckets, or a reason")


@dataclass(frozen=True)
class CounterRun:
    """One fresh process whose inferences were counted.

    Attributes:
        inferences: How many.
        instructions: Of all of them, outside the kernel, all threads.
        cycles: Likewise.
    """

    inferences: int
    instructions: int
    cycles: int

    def __post_init__(self) -> None:
        if min(self.inferences, self.instructions, self.cycles) <= 0:
            raise ValueError("inferences, instructions and cycles are not all above 0; allowed: more than 0")


@dataclass(frozen=True)
class CounterReading:
    """The processor's own counters, or the reason why there are none."""

    runs: tuple[CounterRun, ...] = ()
    reason: str = ""

    def __post_init__(self) -> None:
        if (len(self.runs) > 1) == bool(self.reason):
            raise ValueError("a reading of counters has two runs or more, or a reason")
