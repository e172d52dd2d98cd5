"""What is measured beside the timed runs: arena, weight cache, throughput, energy; none of it can spoil them."""

from __future__ import annotations

import math
from typing import Callable, NamedTuple, Optional, TypeVar

from edgekit_runtime.codec import encode
from edgekit_runtime.conditions import ENERGY, OPERATORS, POINTS, SUSTAIN, THROUGHPUT, WEIGHT_CACHE
from edgekit_runtime.energy import measure_energy, measure_windows
from edgekit_runtime.errors import DeviceError, ModelError
from edgekit_runtime.figure import Figure, measured, unavailable
from edgekit_runtime.handover import ProbeRequest
from edgekit_runtime.operating import MOST_POINTS, TRIES, measure_points
from edgekit_runtime.operators import WAYS, measure_operators
from edgekit_runtime.pinning import parse_cores
from edgekit_runtime.points import OperatingPoints
from edgekit_runtime.processes import call_process
from edgekit_runtime.progress import Progress
from edgekit_runtime.readings import REPETITIONS, EnergyReading, OperatorTimes, PowerWindow, Throughput, WeightCache
from edgekit_runtime.runs import BenchSettings, Workload
from edgekit_runtime.sensors.catalog import find_sensor
from edgekit_runtime.sensors.sensor import SensorError
from edgekit_runtime.series import CounterReading, Sustained
from edgekit_runtime.sustain import COUNTED_RUNS, measure_counters, measure_sustained
from edgekit_runtime.throughput import arrangements, measure_throughput
from edgekit_runtime.weight_cache import measure_weight_cache

T = TypeVar("T")
MOST_CORES = 256  # that the time limit reckons with

ARENA_METHOD = (
    "span of the tensors' addresses with the interpreter's builtin kernels; "
    "a delegate such as XNNPACK keeps the tensors between its operators elsewhere"
)


class Breadth(NamedTuple):
    """What was measured beside the runs, as the record takes it; `None` for what was not asked for."""

    arena_size: Figure
    energy: EnergyReading
    weight_cache: Optional[WeightCache]
    throughput: Optional[Throughput]
    operators: Optional[OperatorTimes]
    counters: Optional[CounterReading]
    sustained: Optional[Sustained]
    windows: tuple[PowerWindow, ...]
    points: Optional[OperatingPoints]


def measure_breadth(
    stage: str, workload: Workload, cores: int, latency_ns: float, mark: Callable[[str], None], progress: Progress
) -> Breadth:
    """Measure it; what fails has its reason instead.

    Args:
        stage: What is being done, for the user.
        workload: The model, and how to run it.
        cores: How many cores the processes may use, where they are not pinned to some.
        latency_ns: About how long one inference takes.
        mark: Told when a stage is over.
        progress: Told how far each stage is.
    """
    settings = workload.settings
    cores = len(parse_cores(settings.pin)) or cores
    probe = ProbeRequest(workload.model, settings.threads, settings.batch)

    def arena() -> Figure:
        if workload.format != "tflite":
            return unavailable("byte", f"the interpreter of .{workload.format} files does not tell its plan")
        answer = call_process("probe", f"{stage} for its arena", encode(probe), settings.timeout_s, "arena")
        return measured(int(answer["bytes"]), "byte", ARENA_METHOD)

    arena_size = _or_reason(arena, lambda reason: unavailable("byte", reason))
    weight_cache, throughput = None, None
    if settings.weight_cache:
        what = f"{stage} with a weight cache"
        weight_cache = _or_reason(
            lambda: measure_weight_cache(what, probe, settings.timeout_s, progress),
            lambda reason: WeightCache(reason=reason),
        )
        mark(WEIGHT_CACHE)
    if settings.throughput:
        throughput = _or_reason(
            lambda: measure_throughput(stage, workload, cores, latency_ns, progress),
            lambda reason: Throughput(reason=reason),
        )
        mark(THROUGHPUT)
    operators = None
    if settings.operators:
        operators = measure_operators(f"{stage} for its operators", workload, progress)
        mark(OPERATORS)
    energy = _or_reason(lambda: _energy(stage, workload, progress), lambda reason: EnergyReading(reason=reason))
    if not energy.reason:
        mark(ENERGY)
    points = None
    if settings.operating_points:
        points = _or_reason(
            lambda: measure_points(stage, workload, cores, latency_ns, progress),
            lambda reason: OperatingPoints(reason=reason),
        )
        mark(POINTS)
    windows = measure_windows(stage, workload, progress) if settings.windows else ()
    counters, sustained = None, None
    if settings.counters:
        counters = _or_reason(
            lambda: measure_counters(f"{stage} for its instructions", workload),
            lambda reason: CounterReading(reason=reason),
        )
    if settings.sustain_s:  # last, as it heats the processor
        sustained = _or_reason(
            lambda: measure_sustained(f"{stage} without a rest", workload, progress),
            lambda reason: Sustained(reason=reason),
        )
        mark(SUSTAIN)
    return Breadth(arena_size, energy, weight_cache, throughput, operators, counters, sustained, windows, points)


def most_calls(settings: BenchSettings) -> int:
    """How many calls of processes it could take, one after the other."""
    calls = 1 + 2 * REPETITIONS  # the arena; loading and running for the energy
    if settings.windows:
        calls += 2 * REPETITIONS
    if settings.operating_points:
        calls += 2 * TRIES * MOST_POINTS
    if settings.counters:
        calls += COUNTED_RUNS
    if settings.sustain_s:
        calls += 1 + math.ceil(settings.sustain_s / settings.timeout_s)
    if settings.operators:
        calls += max(map(len, WAYS.values()))
    if settings.weight_cache:
        calls += 1 + 2 * REPETITIONS
    if settings.throughput:
        calls += 2 * REPETITIONS * len(tuple(arrangements(MOST_CORES)))
    return calls


def _energy(stage: str, workload: Workload, progress: Progress) -> EnergyReading:
    if not workload.settings.energy_s:
        return EnergyReading(reason="it was left out by --energy 0")
    try:
        sensor = find_sensor()
    except SensorError as error:
        return EnergyReading(reason=str(error))
    return measure_energy(stage, workload, sensor, progress)


def _or_reason(find: Callable[[], T], missing: Callable[[str], T]) -> T:
    try:
        return find()
    except (ModelError, DeviceError) as error:
        return missing(error.message.rstrip("."))
