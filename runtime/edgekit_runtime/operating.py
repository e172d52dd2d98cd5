"""Trying operating points: threads, interpreters side by side, limits of the clock and its governors."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Optional

from edgekit_runtime.clocks import MOST_SETTINGS, ClockError, Clocks, ClockSetting
from edgekit_runtime.energy import MARGIN_NS, SETTLE_S, Sampler
from edgekit_runtime.errors import ModelError
from edgekit_runtime.handover import Pace, Window
from edgekit_runtime.points import OperatingPoint, OperatingPoints
from edgekit_runtime.processes import SteadyProcess
from edgekit_runtime.progress import Progress
from edgekit_runtime.readings import EnergyRun
from edgekit_runtime.runs import Workload
from edgekit_runtime.sensors.catalog import find_sensor
from edgekit_runtime.sensors.sensor import Sensor, SensorError
from edgekit_runtime.throughput import LEAST_INFERENCES, arrangements

STAGE = "operating points"
TRIES = 3  # of each point, by fresh processes
MOST_POINTS = MOST_SETTINGS * 20  # that the time limit reckons with


class _Try(NamedTuple):
    """One repetition of a point."""

    p90_ns: float
    inferences_per_s: float
    cpu_ns: float
    energy: Optional[EnergyRun]


def measure_points(
    stage: str, workload: Workload, cores: int, latency_ns: float, progress: Progress, root: Path = Path("/")
) -> OperatingPoints:
    """Try every arrangement of threads and interpreters, under every limit and governor of the clock that is tried.

    Args:
        stage: What is being done, for the user.
        workload: The model, and how to run it; its number of threads is not used.
        cores: How many cores the processes may use.
        latency_ns: About how long one inference takes.
        progress: Told of each point.
        root: Where sysfs begins.

    Raises:
        ModelError: A process refuses the model, dies of it, or does not come back in time; or a sensor or
            a setting of the clock fails meanwhile.
    """
    sensor, energy_by = _sensor(workload.settings.energy_s)
    clocks = Clocks(root)
    settings = workload.settings
    window_ns = int(max(settings.sample_s * 1e9, min(LEAST_INFERENCES * latency_ns, settings.timeout_s * 1e9 / 2)))
    ways = [(setting, *way) for setting in clocks.settings() for way in arrangements(cores)]
    points = []
    try:
        with clocks.held() as set_clocks:
            for done, (setting, instances, threads) in enumerate(ways):
                progress(STAGE, done, len(ways))
                set_clocks(setting)
                each = replace(workload, settings=replace(settings, threads=threads))
                tries = [_try(stage, each, instances, window_ns, sensor) for _ in range(TRIES)]
                points.append(_point(instances, threads, setting, tries))
    except (SensorError, ClockError) as error:
        raise ModelError(f"{error}, while trying operating points.") from error
    progress(STAGE, len(ways), len(ways))
    budget_ns, by, governors_by = settings.latency_budget_ms * 1e6, clocks.caps_by, clocks.governors_by
    return OperatingPoints(tuple(points), budget_ns, energy_by, by, governors_by=governors_by)


def _try(stage: str, workload: Workload, instances: int, window_ns: int, sensor: Optional[Sensor]) -> _Try:
    # The pool is left last: once its processes have ended, no thread of it waits any more.
    with ThreadPoolExecutor(instances) as pool, ExitStack() as running:
        processes = [running.enter_context(SteadyProcess(stage, workload)) for _ in range(instances)]
        list(pool.map(SteadyProcess.load, processes))
        idle_mw = 0.0
        if sensor is not None:
            time.sleep(SETTLE_S)
            now_ns = time.perf_counter_ns()
            idle_mw = Sampler(sensor).mean_mw(Window(now_ns, now_ns + window_ns))
        begin_ns = time.perf_counter_ns() + MARGIN_NS
        window = Window(begin_ns, begin_ns + window_ns + (MARGIN_NS if sensor else 0))
        calls = [pool.submit(process.run, window) for process in processes]
        busy_mw = Sampler(sensor).mean_mw(Window(begin_ns, begin_ns + window_ns)) if sensor else 0.0
        paces = [call.result() for call in calls]
    return _summed(paces, idle_mw, busy_mw, with_energy=sensor is not None)


def _summed(paces: Sequence[Pace], idle_mw: float, busy_mw: float, *, with_energy: bool) -> _Try:
    inferences = sum(pace.inferences for pace in paces)
    elapsed_ns = max(pace.elapsed_ns for pace in paces)
    return _Try(
        max(pace.p90_ns for pace in paces),
        sum(pace.inferences * 1e9 / pace.elapsed_ns for pace in paces),
        sum(pace.cpu_ns for pace in paces) / inferences,
        EnergyRun(idle_mw, busy_mw, inferences, elapsed_ns) if with_energy else None,
    )


def _point(instances: int, threads: int, setting: ClockSetting, tries: Sequence[_Try]) -> OperatingPoint:
    return OperatingPoint(
        instances,
        threads,
        setting.cap_mhz,
        tuple(each.p90_ns for each in tries),
        tuple(each.inferences_per_s for each in tries),
        tuple(each.cpu_ns for each in tries),
        tuple(each.energy for each in tries if each.energy is not None),
        setting.governor,
    )


def _sensor(energy_s: float) -> tuple[Optional[Sensor], str]:
    if not energy_s:
        return None, "it was left out by --energy 0"
    try:
        sensor = find_sensor()
        return sensor, sensor.name
    except SensorError as error:
        return None, str(error)
