"""Throughput: one interpreter with more and more threads, against more and more interpreters side by side."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

from edgekit_runtime.handover import Window
from edgekit_runtime.processes import SteadyProcess
from edgekit_runtime.progress import Progress
from edgekit_runtime.readings import REPETITIONS, Throughput, ThroughputRow
from edgekit_runtime.runs import Workload

EVERY_NUMBER_TO = 8  # beyond, only powers of two and the number of cores
LEAD_NS = 20_000_000  # from the order to the start, so that all have read it by then
LEAST_INFERENCES = 10  # by each interpreter: a window cuts the last one off at a random place


def arrangements(cores: int) -> Iterator[tuple[int, int]]:
    """Interpreters and threads of each: 1 x 1, then 1 x n and n x 1 for each number n of cores.

    Args:
        cores: How many cores the processes may use.
    """
    yield 1, 1
    for number in range(2, cores + 1):
        if number <= EVERY_NUMBER_TO or number == cores or not number & (number - 1):
            yield 1, number
            yield number, 1


def measure_throughput(stage: str, workload: Workload, cores: int, latency_ns: float, progress: Progress) -> Throughput:
    """Measure every arrangement in turn.

    Args:
        stage: What is being done, for the user.
        workload: The model, and how to run it; its number of threads is not used.
        cores: How many cores the processes may use.
        latency_ns: About how long one inference takes.
        progress: Told of each repetition.

    Raises:
        ModelError: A process refuses the model, dies of it, or does not come back in time.
    """
    settings = workload.settings
    window_ns = int(max(settings.sample_s * 1e9, min(LEAST_INFERENCES * latency_ns, settings.timeout_s * 1e9 / 2)))
    ways = tuple(arrangements(cores))
    rows = []
    for done, (interpreters, threads) in enumerate(ways):
        progress("throughput", done, len(ways))
        each = replace(workload, settings=replace(settings, threads=threads))
        rates = tuple(_side_by_side(stage, each, interpreters, window_ns) for _ in range(REPETITIONS))
        rows.append(ThroughputRow(interpreters, threads, rates))
    progress("throughput", len(ways), len(ways))
    return Throughput(tuple(rows))


def _side_by_side(stage: str, workload: Workload, interpreters: int, window_ns: int) -> float:
    """Inferences in a second of some fresh processes together, which begin at the same time."""
    # The pool is left last: once its processes have ended, no thread of it waits any more.
    with ThreadPoolExecutor(interpreters) as pool, ExitStack() as running:
        processes = [running.enter_context(SteadyProcess(stage, workload)) for _ in range(interpreters)]
        list(pool.map(SteadyProcess.load, processes))
        begin_ns = time.perf_counter_ns() + LEAD_NS
        window = Window(begin_ns, begin_ns + window_ns)
        paces = list(pool.map(lambda process: process.run(window), processes))
    return float(sum(pace.inferences * 1e9 / pace.elapsed_ns for pace in paces))
