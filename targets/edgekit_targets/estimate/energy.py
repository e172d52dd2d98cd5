"""The energy of an inference, where a measurement on the board stands behind the time."""

from __future__ import annotations

from edgekit_runtime.figure import Figure, Interval, unavailable
from edgekit_targets.estimate.ranges import NS_PER_MS
from edgekit_targets.profile import Profile

UNIT = "µJ"
NOT_MEASURED = "not predicted from a latency that is itself predicted: measure one model there, and pass --measured"
NOTHING_SCALES = (
    "not predicted from a latency that is itself predicted, and no measurement scales that of an .onnx file"
)
MW_NS = 1e-6  # of a microjoule


def estimate_energy(latency: Figure, threads: int, profile: Profile, why_not: str) -> Figure:
    """Predict what an inference takes beyond what the idle board draws.

    The power model of the profile is linear in the load of its cores, so that the energy is the latency times the
    busy power less the idle power, times the share of the cores that work. Both powers are taken at that end of
    the profile's spread which makes the energy least, and most.

    Args:
        latency: The latency, in ns.
        threads: Threads, each on a core.
        profile: The target, with its power.
        why_not: Why none is told; empty where a measurement on such a board scales the latency. Nothing published
            was there to check an energy from a latency that is only predicted.
    """
    if latency.value is None or latency.interval is None:
        return unavailable(UNIT, "the latency is not predicted as a value")
    power, cores = profile.power, profile.cpu.cores
    if power.idle_mw is None or power.busy_mw is None or power.spread_percent is None or cores is None:
        return unavailable(UNIT, "the target has no power model: idle and busy power, spread, and cores")
    if why_not:
        return unavailable(UNIT, why_not)
    idle, busy, spread = power.idle_mw.value, power.busy_mw.value, power.spread_percent.value / 100
    least, most = busy * (1 - spread) - idle * (1 + spread), busy * (1 + spread) - idle * (1 - spread)
    share = min(threads, cores.value) / cores.value * MW_NS
    span = Interval(
        max(least, 0.0) * latency.interval.low * share,
        most * latency.interval.high * share,
        latency.interval.confidence,
    )
    method = (
        f"latency of {latency.value / NS_PER_MS:.3g} ms times the busy power less the idle power of target "
        f"{profile.name}, for {threads} of {cores.value} cores; ±{power.spread_percent.value:g} % of either power"
    )
    return Figure("predicted", UNIT, (busy - idle) * latency.value * share, method, span)
