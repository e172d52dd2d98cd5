"""The process that runs a model without a rest, and the one whose inferences the processor counts."""

from __future__ import annotations

import os
import time
from array import array
from dataclasses import dataclass
from typing import Any, Callable, Optional

import numpy as np

from edgekit_runtime.child import Payload, Report, resident_bytes, serve
from edgekit_runtime.codec import decode, encode
from edgekit_runtime.interpreter import Interpreter, open_interpreter
from edgekit_runtime.measure import clock_mhz
from edgekit_runtime.perf_events import CYCLES, INSTRUCTIONS, Counters
from edgekit_runtime.pinning import parse_cores, pin_to
from edgekit_runtime.runs import BenchSettings, Workload
from edgekit_runtime.series import Bucket, CounterRun, Sustained
from edgekit_runtime.stats import quantile

BUCKETS = 60
LEAST_BUCKET_S = 0.25
MOST_TIMES = 20_000  # kept of one bucket; its other inferences are counted, not timed
COUNTED_S = 0.3
LEAST_COUNTED = 10


@dataclass(frozen=True)
class _Part:
    """One bucket's raw result."""

    count: int
    spent_ns: int
    times: array[int]


def answer() -> None:
    """Run for the parent that started this process."""

    def sustain(payload: Payload, report: Report) -> Payload:
        workload = decode(Workload, payload)
        interpreter = _load(workload)
        report({"begin_ns": time.perf_counter_ns()})
        return _tree(run_on(interpreter.invoke, workload.settings, _memory, _clock(workload.settings)))

    def count(payload: Payload, _: Report) -> Payload:
        workload = decode(Workload, payload)
        pin_to(workload.settings.pin)
        counters = Counters((INSTRUCTIONS, CYCLES))  # before the interpreter starts its threads
        return _tree(count_inferences(_load(workload).invoke, counters))

    serve({"sustain": sustain, "count": count})


def run_on(
    invoke: Callable[[], None],
    settings: BenchSettings,
    memory: Callable[[], Optional[int]],
    clock: Callable[[], Optional[float]],
) -> Sustained:
    """Run a model without a rest.

    Args:
        invoke: One inference.
        settings: Tells how long.
        memory: Tells the resident memory.
        clock: Tells the processor's clock.
    """
    length_s = max(settings.sustain_s / BUCKETS, LEAST_BUCKET_S)
    started = time.perf_counter_ns()
    buckets: list[Bucket] = []
    spent_ns = elapsed_ns = 0
    while not buckets or elapsed_ns < settings.sustain_s * 1e9:
        begin_s = elapsed_ns / 1e9
        part = _part(invoke, length_s)
        p50_ns, p99_ns = (quantile(part.times, q) for q in (0.5, 0.99))
        buckets.append(Bucket(begin_s, part.count, p50_ns, p99_ns, memory(), clock()))
        spent_ns += part.spent_ns
        elapsed_ns = time.perf_counter_ns() - started
    return Sustained(elapsed_ns / 1e9, spent_ns / elapsed_ns, tuple(buckets))


def count_inferences(invoke: Callable[[], None], counters: Counters) -> CounterRun:
    """Count instructions and cycles of warm inferences.

    Args:
        invoke: One inference.
        counters: Count instructions, then cycles.

    Raises:
        ModelError: A counter never ran.
    """
    for _ in range(3):
        invoke()
    count, end_s = 0, time.perf_counter() + COUNTED_S
    before = counters.read()
    while count < LEAST_COUNTED or time.perf_counter() < end_s:
        invoke()
        count += 1
    after = counters.read()
    return CounterRun(count, after[0] - before[0], after[1] - before[1])


def _part(invoke: Callable[[], None], seconds: float) -> _Part:
    clock, times, count = time.perf_counter_ns, array("q"), 0
    begin = now = clock()
    end = begin + int(seconds * 1e9)
    while count == 0 or now < end:
        started = now
        invoke()
        now = clock()
        if count < MOST_TIMES:
            times.append(now - started)
        count += 1
    return _Part(count, now - begin, times)


def _load(workload: Workload) -> Interpreter:
    settings = workload.settings
    pin_to(settings.pin)
    interpreter = open_interpreter(workload.model, workload.format, settings.threads, settings.batch)
    for index, path in enumerate(workload.inputs):
        interpreter.set_input(index, np.load(path, allow_pickle=False))
    interpreter.invoke()
    return interpreter


def _memory() -> Optional[int]:
    return resident_bytes(os.getpid())


def _clock(settings: BenchSettings) -> Callable[[], Optional[float]]:
    core = next(iter(parse_cores(settings.pin)), 0)
    return lambda: clock_mhz(core=core)


def _tree(value: object) -> dict[str, Any]:  # JSON at the border between two processes
    return dict(encode(value))
