"""The energy of an inference, by a power sensor: what the device draws while it runs, less what it draws idle."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from edgekit_runtime.handover import Window
from edgekit_runtime.processes import SteadyProcess
from edgekit_runtime.progress import Progress
from edgekit_runtime.readings import REPETITIONS, EnergyReading, EnergyRun, PowerWindow
from edgekit_runtime.runs import Workload
from edgekit_runtime.sensors.sensor import Sensor, SensorError

METERED = "idle and run for the meter"
INTERVAL_NS = 100_000_000  # between readings: the slowest sensors have a new one about as often
SETTLE_S = 0.2  # from loading to the idle readings
MARGIN_NS = 20_000_000  # from the order to the first inference, and from the last reading to the last inference


class Sampler:
    """Reads a sensor at intervals, and keeps count of what that costs.

    Args:
        sensor: The sensor.
    """

    def __init__(self, sensor: Sensor) -> None:
        self._sensor = sensor
        self._elapsed_s = 0.0
        self._cpu_s = 0.0

    @property
    def share(self) -> float:
        """Processor time of the sampling, as a share of one core, so far."""
        return self._cpu_s / self._elapsed_s if self._elapsed_s else 0.0

    def mean_mw(self, window: Window) -> float:
        """The mean power from the beginning of a window to its end.

        Raises:
            SensorError: The sensor cannot be read any more, or its readings make no sense.
        """
        started, started_cpu = time.perf_counter(), _cpu_s()
        readings = []
        for due_ns in (*range(window.begin_ns, window.end_ns, INTERVAL_NS), window.end_ns):
            time.sleep(max(0, due_ns - time.perf_counter_ns()) / 1e9)
            readings.append(self._sensor.read())
        self._elapsed_s += time.perf_counter() - started
        self._cpu_s += _cpu_s() - started_cpu
        return self._sensor.mean_mw(readings)


def measure_energy(stage: str, workload: Workload, sensor: Sensor, progress: Progress) -> EnergyReading:
    """Read a sensor before and while fresh processes run a model, apart from the runs that are timed.

    Args:
        stage: What is being done, for the user.
        workload: The model, and how to run it.
        sensor: The sensor, which could be read a moment ago.
        progress: Told of each process.

    Returns:
        The reading, or the reason why the sensor gives none.

    Raises:
        ModelError: A process refuses the model, dies of it, or does not come back in time.
    """
    name, sampler, runs = sensor.name, Sampler(sensor), []
    try:
        for done in range(REPETITIONS):
            progress("energy", done, REPETITIONS)
            runs.append(_run(stage, workload, sampler))
    except SensorError as error:
        return EnergyReading(reason=f"{name}: {error}, while measuring")
    progress("energy", REPETITIONS, REPETITIONS)
    return EnergyReading(name, tuple(runs), sampler.share)


def measure_windows(stage: str, workload: Workload, progress: Progress) -> tuple[PowerWindow, ...]:
    """Let the device idle and keep it busy in turn, and note when, for a meter that it does not know of.

    Args:
        stage: What is being done, for the user.
        workload: The model, and how to run it.
        progress: Told of each process.

    Raises:
        ModelError: A process refuses the model, dies of it, or does not come back in time.
    """
    windows = []
    for done in range(REPETITIONS):
        progress(METERED, done, REPETITIONS)
        windows.append(_window(stage, workload))
    progress(METERED, REPETITIONS, REPETITIONS)
    return tuple(windows)


def _window(stage: str, workload: Workload) -> PowerWindow:
    length_ns = int(workload.settings.energy_s * 1e9)
    with SteadyProcess(stage, workload) as process:
        process.load()
        time.sleep(SETTLE_S)
        idle_begin_s = time.time()
        time.sleep(length_ns / 1e9)
        idle_end_s = time.time()
        begin_ns = time.perf_counter_ns() + MARGIN_NS
        busy_begin_s = time.time() + MARGIN_NS / 1e9
        done = process.run(Window(begin_ns, begin_ns + length_ns))
    return PowerWindow(
        idle_begin_s, idle_end_s, busy_begin_s, busy_begin_s + length_ns / 1e9, done.inferences, done.elapsed_ns
    )


def _run(stage: str, workload: Workload, sampler: Sampler) -> EnergyRun:
    length_ns = int(workload.settings.energy_s * 1e9)
    # The pool is left last: once its process has ended, no thread of it waits any more.
    with ThreadPoolExecutor(1) as pool, SteadyProcess(stage, workload) as process:
        process.load()
        time.sleep(SETTLE_S)
        now_ns = time.perf_counter_ns()
        idle_mw = sampler.mean_mw(Window(now_ns, now_ns + length_ns))
        begin_ns = time.perf_counter_ns() + MARGIN_NS
        end_ns = begin_ns + length_ns
        pace = pool.submit(process.run, Window(begin_ns, end_ns + MARGIN_NS))
        busy_mw = sampler.mean_mw(Window(begin_ns, end_ns))
        done = pace.result()
    return EnergyRun(idle_mw, busy_mw, done.inferences, done.elapsed_ns)


def _cpu_s() -> float:
    """Processor time of this process, and of the programs that it asked and waited for."""
    import resource  # no system without it has a sensor that is known here

    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
