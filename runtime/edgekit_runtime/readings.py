"""What is measured beside the runs, from the weight cache to the energy; each whole, or with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

REPETITIONS = 5  # of each measurement, by fresh processes, so that there is an interval between them


@dataclass(frozen=True)
class WeightCache:
    """Load times with and without XNNPACK's weight cache, or the reason why there are none.

    Attributes:
        uncached_ns: Time to load the model in each fresh process that had no cache.
        cached_ns: The same with a cache that an earlier process wrote.
        size_bytes: Length of the cache's file.
        reason: Why nothing was measured; empty otherwise.
    """

    uncached_ns: tuple[int, ...] = ()
    cached_ns: tuple[int, ...] = ()
    size_bytes: int = 0
    reason: str = ""

    def __post_init__(self) -> None:
        parts = (len(self.uncached_ns) > 1, len(self.cached_ns) > 1, self.size_bytes > 0)
        if any(part == bool(self.reason) for part in parts):
            raise ValueError("a weight cache has its times and its size, or the reason why there are none")
        if min((1, *self.uncached_ns, *self.cached_ns)) <= 0:
            raise ValueError("a load time is not above 0; allowed: more than 0")


@dataclass(frozen=True)
class ThroughputRow:
    """Inferences in a second in one arrangement of interpreters.

    Attributes:
        interpreters: How many run side by side, each in a process of its own.
        threads: Threads of each.
        inferences_per_s: All of them together, in each repetition by fresh processes.
    """

    interpreters: int
    threads: int
    inferences_per_s: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.inferences_per_s) < 2 or min(self.interpreters, self.threads, *self.inferences_per_s) <= 0:
            raise ValueError("a row of throughput has at least two rates, and nothing in it is 0 or less")


@dataclass(frozen=True)
class Throughput:
    """Throughput in several arrangements, or the reason why there is none."""

    rows: tuple[ThroughputRow, ...] = ()
    reason: str = ""

    def __post_init__(self) -> None:
        if bool(self.rows) == bool(self.reason):
            raise ValueError("throughput has rows, or the reason why there are none")


@dataclass(frozen=True)
class OperatorTime:
    """One operator.

    Attributes:
        place: Its place in the order of running, from 0.
        kind: What it does, in the words of what timed it.
        name: The tensor or node it belongs to; empty where that is not told.
        time_ns: Its part of an inference.
    """

    place: int
    kind: str
    name: str
    time_ns: float


@dataclass(frozen=True)
class OperatorTimes:
    """The operators of a model, or the reason why they are not timed.

    Attributes:
        method: How they were timed.
        rows: In the order of running.
        untimed: Kinds of operators that could not be timed, one for each operator.
        inferences: How many were timed.
        whole_ns: Median time of a whole inference in the same process, without timing its operators.
        watched_ns: Median time of a whole inference while its operators were timed; `None` where they were
            run one by one.
        reason: Why there is nothing; empty otherwise.
    """

    method: str = ""
    rows: tuple[OperatorTime, ...] = ()
    untimed: tuple[str, ...] = ()
    inferences: int = 0
    whole_ns: float = 0.0
    watched_ns: Optional[float] = None
    reason: str = ""

    def __post_init__(self) -> None:
        parts = (bool(self.method), bool(self.rows), self.inferences > 0, self.whole_ns > 0)
        if any(part == bool(self.reason) for part in parts):
            raise ValueError("operator times have a method, rows, inferences and a whole, or a reason")

    @property
    def sum_ns(self) -> float:
        """The operators' times together."""
        return sum(row.time_ns for row in self.rows)


@dataclass(frozen=True)
class EnergyRun:
    """One fresh process under a power sensor.

    Attributes:
        idle_mw: Mean power before it ran, with the model loaded.
        busy_mw: Mean power while it ran.
        inferences: How many it made.
        elapsed_ns: How long they took together.
    """

    idle_mw: float
    busy_mw: float
    inferences: int
    elapsed_ns: int

    def __post_init__(self) -> None:
        if min(self.inferences, self.elapsed_ns) <= 0:
            raise ValueError("there is no inference, or no time; allowed: more than 0 of both")

    @property
    def energy_uj(self) -> float:
        """Energy of one inference, without what the device draws anyway."""
        return (self.busy_mw - self.idle_mw) * self.elapsed_ns / self.inferences * 1e-6  # mW ns = 1e-6 uJ


@dataclass(frozen=True)
class PowerWindow:
    """When one fresh process let the device idle, with the model loaded, and then kept it busy, for an external meter.

    Attributes:
        idle_begin_s: Seconds since 1970, by the device's clock.
        idle_end_s: Likewise.
        busy_begin_s: Likewise.
        end_s: Likewise, of being busy.
        inferences: How many it made while busy.
        elapsed_ns: How long they took together.
    """

    idle_begin_s: float
    idle_end_s: float
    busy_begin_s: float
    end_s: float
    inferences: int
    elapsed_ns: int

    def __post_init__(self) -> None:
        if not self.idle_begin_s < self.idle_end_s <= self.busy_begin_s < self.end_s:
            raise ValueError("idling and being busy do not follow each other")
        if min(self.inferences, self.elapsed_ns) <= 0:
            raise ValueError("there is no inference, or no time; allowed: more than 0 of both")


@dataclass(frozen=True)
class EnergyReading:
    """Energy by a sensor, or the reason why there is none.

    Attributes:
        sensor: What was read, and what it covers.
        runs: Fresh processes, in order.
        sampling_share: Processor time that the sampling took, as a share of one core; `None` where nothing was read.
        reason: Why there is no reading; empty otherwise.
    """

    sensor: str = ""
    runs: tuple[EnergyRun, ...] = ()
    sampling_share: Optional[float] = None
    reason: str = ""

    def __post_init__(self) -> None:
        parts = (bool(self.sensor), len(self.runs) > 1, self.sampling_share is not None)
        if any(part == bool(self.reason) for part in parts):
            raise ValueError("an energy reading has a sensor, two runs or more and a share, or a reason")
