"""Whether a device keeps its pace: one process that runs without a rest, and the conditions meanwhile."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import replace
from typing import NamedTuple

from edgekit_runtime.codec import decode, encode
from edgekit_runtime.conditions import Conditions
from edgekit_runtime.environment import read_conditions
from edgekit_runtime.processes import call_process
from edgekit_runtime.progress import Progress
from edgekit_runtime.runs import Workload
from edgekit_runtime.series import Bucket, CounterReading, CounterRun, Sustained

STAGE = "run without a rest"
INTERVAL_S = 1.0  # between readings of the conditions: each may start a program
COUNTED_RUNS = 3


class Seen(NamedTuple):
    """The conditions at one time.

    Attributes:
        at_s: Seconds from the beginning.
        conditions: As they were.
    """

    at_s: float
    conditions: Conditions


def measure_sustained(stage: str, workload: Workload, progress: Progress) -> Sustained:
    """Run a model without a rest for as long as the settings say, and read the conditions meanwhile.

    Args:
        stage: What is being done, for the user.
        workload: The model, and how to run it.
        progress: Told how many seconds are over.

    Raises:
        ModelError: The process refuses the model, dies of it, or does not come back in time.
    """
    settings = workload.settings
    limit_s = settings.timeout_s + settings.sustain_s
    seen, started_s = [], time.perf_counter()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(call_process, "sustain", stage, encode(workload), limit_s, "sustain")
        while not _done(call):
            elapsed_s = time.perf_counter() - started_s
            progress(STAGE, min(int(elapsed_s), int(settings.sustain_s)), max(1, int(settings.sustain_s)))
            seen.append(Seen(elapsed_s, read_conditions()))
        found = decode(Sustained, call.result())
    progress(STAGE, max(1, int(settings.sustain_s)), max(1, int(settings.sustain_s)))
    late_s = time.perf_counter() - started_s - found.elapsed_s  # what loading took
    return join_conditions(found, [each._replace(at_s=each.at_s - late_s) for each in seen])


def measure_counters(stage: str, workload: Workload) -> CounterReading:
    """Count the instructions and cycles of inferences in fresh processes.

    Args:
        stage: What is being done, for the user.
        workload: The model, and how to run it.

    Raises:
        ModelError: Counting is not possible or not allowed here, or a process refuses the model.
    """
    timeout_s = workload.settings.timeout_s
    runs = [call_process("sustain", stage, encode(workload), timeout_s, "count") for _ in range(COUNTED_RUNS)]
    return CounterReading(tuple(decode(CounterRun, run) for run in runs))


def join_conditions(found: Sustained, seen: list[Seen]) -> Sustained:
    """Give each bucket the last conditions that were read before its end.

    Args:
        found: The buckets, without temperature and throttling.
        seen: The conditions, in order.
    """
    ends_s = [bucket.begin_s for bucket in found.buckets[1:]] + [found.elapsed_s]
    return replace(found, buckets=tuple(map(lambda bucket, end_s: _joined(bucket, end_s, seen), found.buckets, ends_s)))


def _joined(bucket: Bucket, end_s: float, seen: list[Seen]) -> Bucket:
    before = [each.conditions for each in seen if each.at_s <= end_s]
    if not before:
        return bucket
    last = before[-1]
    return replace(bucket, temperature_c=last.temperature_c.value, throttle_bits=last.throttling.bits)


def _done(call: Future[dict[str, object]]) -> bool:
    try:
        call.exception(timeout=INTERVAL_S)
    except NotYet:
        return False
    return True
