"""From work on a processor to time: the formula, its constants, and how far it was off.

    time = cycles / (EFFICIENCY * clock * threads)      what the ports of the cores need at the least
         + REFILL_CYCLES * lines / (clock * at once)    lines into the first cache: one at a time from a cache that the
                                                        cores share, else as many at once as there are threads
         + bytes / bandwidth                            to and from main memory
         + operators * overhead                         starting each, and waking its threads

    held back, on cores with a second-level cache each, so that threads win no more than was published of any.

The three constants were fitted together to the twelve published figures of XNNPACK on the Raspberry Pi 3 B+ and 4
(README of 2022-02-08), in logarithms, towards the round values 0.85, 8 cycles (a line of 64 bytes over a bus of 8)
and 2 (a copy reads and writes); docs/validation.md has every figure, and what was only tested.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgekit_targets.estimate.cores import LINE_BYTES, Core, core_named
from edgekit_targets.estimate.micro import calibrated_rates, is_calibrated
from edgekit_targets.profile import Profile

EFFICIENCY = 0.83
REFILL_CYCLES = 9.0
OPERATOR_S = 1e-6
OPERATOR_THREADED_S = 1e-5
# What four threads won over one at the most, published of any core: Pixel 2, XNNPACK, MobileNetV1 in float32. Of
# cores with a second-level cache each the constants say more, which nothing published bears out.
MOST_GAIN, GAIN_THREADS = 3.2, 4
LEAST_SHARE = 0.5


class Unpredictable(Exception):  # noqa: N818  # not an error: the answer is that there is none
    """There is no honest prediction; its text is the reason, for the user."""


@dataclass(frozen=True)
class Constants:
    """The fitted constants; others than the defaults are for validation alone.

    Attributes:
        efficiency: Share of the cycles in which the busiest port works.
        refill_cycles: Cycles that a line into the first cache takes, all cores together where they share the second.
        bandwidth_scale: Times the bandwidth of a machine.
    """

    efficiency: float = EFFICIENCY
    refill_cycles: float = REFILL_CYCLES
    bandwidth_scale: float = 1.0


@dataclass(frozen=True)
class Machine:
    """What the formula needs of a target.

    Attributes:
        core: Its cores.
        cores: How many it has.
        clock_mhz: Their clock.
        bandwidth_mb_s: To and from main memory, in units of 10^6 bytes.
        bandwidth_known: Whether the profile tells it; else it is that of a board with such cores.
    """

    core: Core
    cores: int
    clock_mhz: float
    bandwidth_mb_s: float
    bandwidth_known: bool = True


@dataclass(frozen=True)
class Work:
    """What a processor has to do.

    Attributes:
        cycles: That its ports need, on one thread.
        refill_bytes: Into the first cache.
        dram_bytes: To and from main memory.
        operators: Operators to start.
    """

    cycles: float
    refill_bytes: float
    dram_bytes: float
    operators: int

    def __add__(self, other: Work) -> Work:
        return Work(
            self.cycles + other.cycles,
            self.refill_bytes + other.refill_bytes,
            self.dram_bytes + other.dram_bytes,
            self.operators + other.operators,
        )


@dataclass(frozen=True)
class Parts:
    """A time, by what takes it.

    Attributes:
        compute_ms: Of the cores' ports.
        cache_ms: Of lines into the first cache.
        memory_ms: Of main memory.
        overhead_ms: Of starting operators.
    """

    compute_ms: float
    cache_ms: float
    memory_ms: float
    overhead_ms: float

    def times(self, factor: float) -> Parts:
        """All of it, as many times as long."""
        return Parts(
            self.compute_ms * factor, self.cache_ms * factor, self.memory_ms * factor, self.overhead_ms * factor
        )

    @property
    def total_ms(self) -> float:
        """All of it."""
        return self.compute_ms + self.cache_ms + self.memory_ms + self.overhead_ms

    @property
    def bound(self) -> str:
        """What takes the largest part: `compute`, `cache`, `memory` or `overhead`."""
        parts = {
            "compute": self.compute_ms,
            "cache": self.cache_ms,
            "memory": self.memory_ms,
            "overhead": self.overhead_ms,
        }
        return max(parts, key=lambda name: parts[name])


DEFAULTS = Constants()


def machine_of(profile: Profile) -> Machine:
    """What the formula needs of a profile.

    Raises:
        Unpredictable: The profile does not say enough, or its cores were never counted.
    """
    cpu, bandwidth = profile.cpu, profile.memory.bandwidth_mb_s
    if cpu.model is None or cpu.clock_mhz is None or cpu.cores is None:
        told_of = {"cpu.model": cpu.model, "cpu.clock_mhz": cpu.clock_mhz, "cpu.cores": cpu.cores}
        missing = ", ".join(key for key, fact in told_of.items() if fact is None)
        raise Unpredictable(f"the profile does not say {missing}: tell it in one of your own that extends this one")
    if cpu.isa is not None and cpu.isa.value != "aarch64":
        raise Unpredictable(f"kernels were counted on aarch64 alone, not on {cpu.isa.value}")
    known = core_named(cpu.model.value)
    if known is None:
        raise Unpredictable(f"no kernels were counted on a core like {cpu.model.value}")
    core = _calibrated(known, profile)
    copied = core.copy_mb_s if bandwidth is None else bandwidth.value
    return Machine(core, cpu.cores.value, cpu.clock_mhz.value, core.bandwidth_factor * copied, bandwidth is not None)


def _calibrated(core: Core, profile: Profile) -> Core:
    """The core with the rates that were measured on the device, where they were."""
    speed = profile.cpu.speed
    if not is_calibrated(speed):
        return core
    rates = calibrated_rates(core.rates, speed, EFFICIENCY, REFILL_CYCLES)
    return replace(core, rates=rates, checked=frozenset(), source="measured by `edgekit targets calibrate`")


def check_threads(machine: Machine, threads: int, profile: Profile) -> None:
    """Make sure that each thread has a core of its own.

    Raises:
        Unpredictable: There are more threads than cores.
    """
    if threads > machine.cores:
        raise Unpredictable(f"target {profile.name} has {machine.cores} cores for {threads} threads")


def told(machine: Machine, threads: int) -> str:
    """The conditions of a prediction, in words."""
    several = "" if threads == 1 else "s"
    return f"LiteRT 2.3 with XNNPACK, {threads} thread{several} at {machine.clock_mhz:g} MHz"


def time_of(work: Work, machine: Machine, threads: int, constants: Constants = DEFAULTS) -> Parts:
    """The time that work takes on a machine.

    Args:
        work: The work.
        machine: The machine.
        threads: Threads that share it, each on a core of its own.
        constants: The fitted constants.
    """
    return unbounded_time_of(work, machine, threads, constants).times(held_back(work, machine, threads, constants))


def held_back(work: Work, machine: Machine, threads: int, constants: Constants = DEFAULTS) -> float:
    """How many times as long work takes as its parts say, so that threads win no more than was ever published.

    It is for cores with a second-level cache each: of the others, figures with four threads were fitted.
    """
    if threads == 1 or not machine.core.own_l2:
        return 1.0
    one, several = (unbounded_time_of(work, machine, count, constants).total_ms for count in (1, threads))
    return max(1.0, one / several / most_gain(threads)) if several else 1.0


def most_gain(threads: int) -> float:
    """What threads win over one at the most: `MOST_GAIN` of four, and less for each beyond the first."""
    lost = (1 - MOST_GAIN / GAIN_THREADS) / (GAIN_THREADS - 1)
    return threads * max(LEAST_SHARE, 1 - lost * (threads - 1))


def unbounded_time_of(work: Work, machine: Machine, threads: int, constants: Constants = DEFAULTS) -> Parts:
    """The time by the formula alone."""
    clock_hz = machine.clock_mhz * 1e6
    each_s = OPERATOR_S if threads == 1 else OPERATOR_THREADED_S
    lines = work.refill_bytes / LINE_BYTES
    at_once = threads if machine.core.own_l2 else 1
    return Parts(
        compute_ms=1e3 * work.cycles / (constants.efficiency * clock_hz * threads),
        cache_ms=1e3 * constants.refill_cycles * lines / (clock_hz * at_once),
        memory_ms=1e3 * work.dram_bytes / (constants.bandwidth_scale * machine.bandwidth_mb_s * 1e6),
        overhead_ms=1e3 * work.operators * each_s,
    )
