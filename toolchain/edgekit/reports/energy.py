"""The energy of an inference where no sensor told it, predicted from the target's power."""

from __future__ import annotations

from edgekit_runtime.figure import Figure, Interval, unavailable
from edgekit_targets.profile import Profile

UNIT = "µJ"
MW_NS = 1e-6  # of a microjoule


def predict_energy(cpu_time: Figure, profile: Profile) -> Figure:
    """Predict what an inference takes beyond what the idle device draws.

    The power of these boards grows about linearly with the load of their cores (PowerJoular's models, which the
    profiles cite), so that the energy is the processor time times the power of one core: the busy power
    less the idle power, over the cores. Each end of the interval takes both powers at that end of the
    profile's spread, and the processor time at that end of its own interval.

    Args:
        cpu_time: Processor time of an inference in ns, measured on a board of this profile.
        profile: The target, with its power.

    Returns:
        Microjoules, predicted; or unavailable, because the profile does not say enough.
    """
    power, cores = profile.power, profile.cpu.cores
    if power.idle_mw is None or power.busy_mw is None or cores is None:
        return unavailable(UNIT, f"target {profile.name} has no power model: idle and busy power, and cores")
    if power.spread_percent is None:
        return unavailable(UNIT, f"target {profile.name} does not say how far its power may be off")
    if cpu_time.value is None or cpu_time.interval is None:
        return unavailable(UNIT, cpu_time.reason or "the processor time has no interval")
    idle, busy, spread = power.idle_mw.value, power.busy_mw.value, power.spread_percent.value / 100
    low = busy * (1 - spread) - idle * (1 + spread)
    high = busy * (1 + spread) - idle * (1 - spread)
    if low <= 0:
        return unavailable(UNIT, f"the spread of target {profile.name}'s power is wider than what inferences add")
    factor = MW_NS / cores.value
    times = cpu_time.interval
    method = (
        f"processor time of an inference times {(busy - idle) / cores.value:.0f} mW, a core's share of the "
        f"{busy:g} mW busy less {idle:g} mW idle of target {profile.name} ({power.busy_mw.confidence}); "
        f"the interval takes both ±{power.spread_percent.value:g} %"
    )
    interval = Interval(times.low * low * factor, times.high * high * factor, times.confidence)
    return Figure("predicted", UNIT, cpu_time.value * (busy - idle) * factor, method, interval)
