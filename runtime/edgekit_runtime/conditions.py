"""What changes on a device while it measures: governor, clock, temperature, throttling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

from edgekit_runtime.figure import Figure

# Bits of get_throttled in Raspberry Pi's documentation of vcgencmd; the same 16 bits higher since boot.
THROTTLE_BITS = ("under-voltage", "frequency capped", "throttled", "soft temperature limit")
SINCE_BOOT = 16
NOW = (1 << len(THROTTLE_BITS)) - 1

BEGIN, LATENCY, WEIGHT_CACHE, THROUGHPUT, ENERGY = "begin", "latency", "weight cache", "throughput", "energy"
POINTS = "operating points"
OPERATORS, SUSTAIN = "operators", "sustain"  # what is found while it is sustained is no reason to doubt it
STAGES = (LATENCY, WEIGHT_CACHE, THROUGHPUT, OPERATORS, ENERGY, POINTS)


@dataclass(frozen=True)
class Fact:
    """A text that could be read, or the reason why not."""

    value: Optional[str] = None
    reason: str = ""

    def __post_init__(self) -> None:
        if (self.value is None) == (not self.reason):
            raise ValueError("a fact has either a value or the reason why it is missing")


@dataclass(frozen=True)
class Throttling:
    """Throttle bits of the board's firmware, or the reason why there are none.

    Attributes:
        bits: As `vcgencmd get_throttled` gives them: bits 0 to 3 now, 16 to 19 since boot.
        reason: Why they are not known; empty otherwise.
    """

    bits: Optional[int] = None
    reason: str = ""

    def __post_init__(self) -> None:
        if (self.bits is None) == (not self.reason):
            raise ValueError("throttling has either its bits or the reason why they are missing")
        if self.bits is not None and self.bits < 0:
            raise ValueError(f"bits is {self.bits}; allowed: 0 or more")


@dataclass(frozen=True)
class Conditions:
    """What may change from one process to the next.

    Attributes:
        governor: Frequency governor of the first processor.
        clock_mhz: Clock of the first processor, with nothing to do.
        temperature_c: Temperature of the processor.
        throttling: What the firmware says of holding the processor back.
    """

    governor: Fact
    clock_mhz: Figure
    temperature_c: Figure
    throttling: Throttling


@dataclass(frozen=True)
class Moment:
    """The conditions at one time.

    Attributes:
        stage: What had just been measured: `begin` for nothing yet, `latency` for one of the runs,
            `weight cache`, `throughput`, `operators`, `energy`, `operating points` or `sustain`.
        conditions: As they were.
    """

    stage: str
    conditions: Conditions


def throttle_words(bits: int) -> str:
    """The Raspberry Pi's throttle bits in words.

    Args:
        bits: Value of `vcgencmd get_throttled`.
    """
    now = [f"{word} now" for word in _words(bits)]
    past = [f"{word} since boot" for word in _words(bits >> SINCE_BOOT)]
    return ", ".join(now + past) or "nothing since boot"


def throttled_in(stage: str, moments: Sequence[Moment]) -> str:
    """How the processor was held back during a stage, in words; empty where nothing shows that it was.

    What the firmware says at a moment counts, from the one just before the stage on; so does what
    was not yet so "since boot" then.

    Args:
        stage: The stage.
        moments: All of a record's, in order.
    """
    places = [place for place, moment in enumerate(moments) if moment.stage == stage]
    if not places:
        return ""
    around = [moment.conditions.throttling.bits for moment in moments[max(0, places[0] - 1) : places[-1] + 1]]
    known = [bits for bits in around if bits is not None]
    seen = 0
    for bits in known:
        seen |= bits | (bits & ~known[0]) >> SINCE_BOOT
    return ", ".join(_words(seen))


def _words(bits: int) -> list[str]:
    return [word for place, word in enumerate(THROTTLE_BITS) if bits & NOW & 1 << place]
