"""Operating points: how a model may be run on a device, what each way takes, and which takes least."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Optional

from edgekit_runtime.figure import Figure, measured
from edgekit_runtime.readings import EnergyRun
from edgekit_runtime.stats import geometric_mean_interval, mean_interval


@dataclass(frozen=True)
class OperatingPoint:
    """One way to run a model; each value is of one repetition by fresh processes.

    Attributes:
        instances: Interpreters side by side, each in a process of its own.
        threads: Threads of each.
        cap_mhz: What the clock was limited to; `None` where it was left as it is.
        p90_ns: 90 % of the inferences took at most this, in the slowest of the processes.
        inferences_per_s: All of them together.
        cpu_ns: Processor time of one inference, over all threads.
        energy: By a power sensor; empty where there is none.
        governor: What set the clock; empty where it was left as it is.
    """

    instances: int
    threads: int
    cap_mhz: Optional[float]
    p90_ns: tuple[float, ...]
    inferences_per_s: tuple[float, ...]
    cpu_ns: tuple[float, ...]
    energy: tuple[EnergyRun, ...] = ()
    governor: str = ""

    def __post_init__(self) -> None:
        values = (self.instances, self.threads, *self.p90_ns, *self.inferences_per_s, *self.cpu_ns)
        if min(map(len, (self.p90_ns, self.inferences_per_s, self.cpu_ns))) < 2 or min(values) <= 0:
            raise ValueError("an operating point has at least two of each value, and nothing in it is 0 or less")
        if self.energy and len(self.energy) != len(self.p90_ns):
            raise ValueError("an operating point has its energy in every repetition or in none")

    @property
    def name(self) -> str:
        """Such as `2x1 at 1000 MHz`, or `2x1, performance`: two interpreters with one thread each."""
        cap = "" if self.cap_mhz is None else f" at {self.cap_mhz:.0f} MHz"
        return f"{self.instances}x{self.threads}{cap}" + (f", {self.governor}" if self.governor else "")

    @property
    def latency(self) -> Figure:
        """The p90 of an inference."""
        center, interval = geometric_mean_interval(self.p90_ns)
        return measured(center, "ns", "p90 of the inferences", interval)

    @property
    def rate(self) -> Figure:
        """Inferences in a second."""
        center, interval = geometric_mean_interval(self.inferences_per_s)
        return measured(center, "1/s", "inferences in a second", interval)

    @property
    def cost(self) -> Figure:
        """What an inference takes: energy where there is a sensor, else processor time."""
        if self.energy:
            center, interval = mean_interval([run.energy_uj for run in self.energy])
            return measured(center, "µJ", "energy of an inference beyond what the idle device draws", interval)
        center, interval = geometric_mean_interval(self.cpu_ns)
        return measured(center, "ns", "processor time of an inference", interval)


@dataclass(frozen=True)
class OperatingPoints:
    """All the ways that were tried, or the reason why there are none.

    Attributes:
        points: In the order in which they were tried.
        budget_ns: What an inference may take; 0 for anything.
        energy_by: The sensor, or why there is no energy.
        caps_by: How the clock was limited, or why it was not.
        reason: Why there is nothing; empty otherwise.
        governors_by: Which governors were tried, or why none was.
    """

    points: tuple[OperatingPoint, ...] = ()
    budget_ns: float = 0.0
    energy_by: str = ""
    caps_by: str = ""
    reason: str = ""
    governors_by: str = ""

    def __post_init__(self) -> None:
        if bool(self.points) == bool(self.reason):
            raise ValueError("operating points are some, or have the reason why there are none")
        if len({bool(point.energy) for point in self.points}) > 1:
            raise ValueError("some operating points have an energy, and others none; allowed: all or none")


class Choice(NamedTuple):
    """The operating point that takes least.

    Attributes:
        point: Which; `None` where none keeps the budget.
        alike: Others that keep it, whose cost is not told apart from the best.
    """

    point: Optional[OperatingPoint]
    alike: tuple[OperatingPoint, ...] = ()


def choose(found: OperatingPoints) -> Choice:
    """The point that takes least of those whose latency, with its whole interval, keeps the budget."""
    fitting = [point for point in found.points if not found.budget_ns or _high(point.latency) <= found.budget_ns]
    if not fitting:
        return Choice(None)
    best = min(fitting, key=lambda point: point.cost.value or 0.0)
    alike = tuple(point for point in fitting if point is not best and _low(point.cost) <= _high(best.cost))
    return Choice(best, alike)


def choice_words(found: OperatingPoints) -> str:
    """Which operating point takes least, by what, and what speaks against it."""
    if found.reason:
        return found.reason
    choice = choose(found)
    budget = f"within {found.budget_ns / 1e6:g} ms" if found.budget_ns else "no --latency-budget was given"
    if choice.point is None:
        fastest = min(found.points, key=lambda point: _high(point.latency))
        return f"none stays {budget}; the fastest, {fastest.name}, takes up to {_high(fastest.latency) / 1e6:.3g} ms"
    by = "energy" if choice.point.energy else "processor time"
    words = f"{choice.point.name} takes the least {by} ({budget})"
    if choice.alike:
        words += f"; not told apart from it: {', '.join(point.name for point in choice.alike)}"
    if not choice.point.energy:
        words += f"; no energy was measured ({found.energy_by}), but a predicted one is proportional to processor time"
    return f"{words}; clock: {found.caps_by}; governor: {found.governors_by}"


def _low(figure: Figure) -> float:
    return figure.interval.low if figure.interval else figure.value or 0.0


def _high(figure: Figure) -> float:
    return figure.interval.high if figure.interval else figure.value or 0.0
