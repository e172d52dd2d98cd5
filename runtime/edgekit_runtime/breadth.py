"""What is measured beside the timed runs: arena, weight cache, throughput, energy; none of it can spoil them."""

from __future__ import annotations

import math
from dataclasses import dataclass
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
    cores = len(parse_cores(workload.settings.pin)) or cores
    asked = _Asked(stage, workload, cores, latency_ns, mark, progress)
    return Breadth(  # in the order in which they stand
        arena_size=asked.arena(),
        weight_cache=asked.weight_cache(),
        throughput=asked.throughput(),
        operators=asked.operators(),
        energy=asked.energy(),
        points=asked.points(),
        windows=asked.windows(),
        counters=asked.counters(),
        sustained=asked.sustained(),  # last, as it heats the processor
    )


@dataclass(frozen=True)
class _Asked:
    """What is to be measured: each by a method of its own, which gives `None` where it was not asked for."""

    stage: str
    workload: Workload
    cores: int
    latency_ns: float
    mark: Callable[[str], None]
    progress: Progress

    @property
    def settings(self) -> BenchSettings:
        return self.workload.settings

    @property
    def probe(self) -> ProbeRequest:
        return ProbeRequest(self.workload.model, self.settings.threads, self.settings.batch)

    def arena(self) -> Figure:
        return _or_reason(self._arena, lambda reason: unavailable("byte", reason))

    def weight_cache(self) -> Optional[WeightCache]:
        if not self.settings.weight_cache:
            return None
        what, timeout_s = f"{self.stage} with a weight cache", self.settings.timeout_s
        found = _or_reason(
            lambda: measure_weight_cache(what, self.probe, timeout_s, self.progress),
            lambda reason: WeightCache(reason=reason),
        )
        self.mark(WEIGHT_CACHE)
        return found

    def throughput(self) -> Optional[Throughput]:
        if not self.settings.throughput:
            return None
        found = _or_reason(
            lambda: measure_throughput(self.stage, self.workload, self.cores, self.latency_ns, self.progress),
            lambda reason: Throughput(reason=reason),
        )
        self.mark(THROUGHPUT)
        return found

    def operators(self) -> Optional[OperatorTimes]:
        if not self.settings.operators:
            return None
        found = measure_operators(f"{self.stage} for its operators", self.workload, self.progress)
        self.mark(OPERATORS)
        return found

    def energy(self) -> EnergyReading:
        found = _or_reason(self._energy, lambda reason: EnergyReading(reason=reason))
        if not found.reason:
            self.mark(ENERGY)
        return found

    def points(self) -> Optional[OperatingPoints]:
        if not self.settings.operating_points:
            return None
        found = _or_reason(
            lambda: measure_points(self.stage, self.workload, self.cores, self.latency_ns, self.progress),
            lambda reason: OperatingPoints(reason=reason),
        )
        self.mark(POINTS)
        return found

    def windows(self) -> tuple[PowerWindow, ...]:
        return measure_windows(self.stage, self.workload, self.progress) if self.settings.windows else ()

    def counters(self) -> Optional[CounterReading]:
        if not self.settings.counters:
            return None
        return _or_reason(
            lambda: measure_counters(f"{self.stage} for its instructions", self.workload),
            lambda reason: CounterReading(reason=reason),
        )

    def sustained(self) -> Optional[Sustained]:
        if not self.settings.sustain_s:
            return None
        found = _or_reason(
            lambda: measure_sustained(f"{self.stage} without a rest", self.workload, self.progress),
            lambda reason: Sustained(reason=reason),
        )
        self.mark(SUSTAIN)
        return found

    def _arena(self) -> Figure:
        if self.workload.format != "tflite":
            return unavailable("byte", f"the interpreter of .{self.workload.format} files does not tell its plan")
        stage, probe = f"{self.stage} for its arena", encode(self.probe)
        answer = call_process("probe", stage, probe, self.settings.timeout_s, "arena")
        return measured(int(answer["bytes"]), "byte", ARENA_METHOD)

    def _energy(self) -> EnergyReading:
        if not self.settings.energy_s:
            return EnergyReading(reason="it was left out by --energy 0")
        try:
            sensor = find_sensor()
        except SensorError as error:
            return EnergyReading(reason=str(error))
        return measure_energy(self.stage, self.workload, sensor, self.progress)


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


def _or_reason(find: Callable[[], T], missing: Callable[[str], T]) -> T:
    try:
        return find()
    except (ModelError, DeviceError) as error:
        return missing(error.message.rstrip("."))
