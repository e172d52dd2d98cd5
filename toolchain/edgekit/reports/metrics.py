"""The metrics that reports are compared by: names, budgets, and their values process by process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgekit_runtime.record import Record
from edgekit_runtime.runs import Run
from edgekit_runtime.stats import quantile
from edgekit_targets.profile import Budgets

NS_PER_MS = 1e6
BYTES_PER_KIB = 1024


@dataclass(frozen=True)
class Metric:
    """A figure that every report has; less of it is better.

    Attributes:
        name: Its name, as the runtime's summary gives it.
        unit: Its unit, as the runtime's summary gives it.
        budget: Reads the budget that limits it.
        budget_unit: One unit of that budget, in units of the metric.
        of_run: Its value in one process, `None` where that process has none; a metric that the timed
            processes do not tell has no such function.
        predicted_from: The value in one process that its prediction is proportional to, where it can be predicted.
    """

    name: str
    unit: str
    budget: Callable[[Budgets], float | None]
    budget_unit: float
    of_run: Callable[[Run], float | None] | None
    predicted_from: Callable[[Run], float | None] | None = None


def _latency(share: float) -> Callable[[Run], float]:
    return lambda run: quantile(run.latency_ns, share)


def _model_memory(run: Run) -> float | None:
    memory = run.memory
    if memory.peak_rss_bytes is None or memory.baseline_rss_bytes is None:
        return None
    return memory.peak_rss_bytes - memory.baseline_rss_bytes


def _cpu_time(run: Run) -> float:
    return run.cpu_ns / len(run.latency_ns)


def _no_budget(_: Budgets) -> None:
    """Profiles set no limit for it."""


METRICS = (
    Metric("model_size", "byte", lambda b: b.model_size_kib, BYTES_PER_KIB, None),
    Metric("latency_p50", "ns", lambda b: b.latency_p50_ms, NS_PER_MS, _latency(0.50)),
    Metric("latency_p90", "ns", lambda b: b.latency_p90_ms, NS_PER_MS, _latency(0.90)),
    Metric("latency_p99", "ns", lambda b: b.latency_p99_ms, NS_PER_MS, _latency(0.99)),
    Metric("load_time", "ns", lambda b: b.load_time_ms, NS_PER_MS, lambda run: run.load_ns),
    Metric("first_inference", "ns", lambda b: b.first_inference_ms, NS_PER_MS, lambda run: run.first_inference_ns),
    Metric("cpu_time", "ns", _no_budget, NS_PER_MS, _cpu_time),
    Metric("peak_rss", "byte", lambda b: b.peak_rss_kib, BYTES_PER_KIB, lambda run: run.memory.peak_rss_bytes),
    Metric("model_memory", "byte", lambda b: b.model_memory_kib, BYTES_PER_KIB, _model_memory),
    Metric("arena_size", "byte", _no_budget, BYTES_PER_KIB, None),
    Metric("energy", "µJ", _no_budget, 1.0, None, _cpu_time),
)
COUNTED = tuple(
    Metric(name, unit, _no_budget, 1.0, None)
    for name, unit in (
        ("instructions", "instructions"),
        ("loads", "instructions"),
        ("stores", "instructions"),
        ("simd", "instructions"),
        ("dot_products", "instructions"),
        ("port_cycles", "cycles"),
        ("l1_refill", "byte"),
        ("dram_traffic", "byte"),
    )
)
"""What reports of emulated boards have beside these; the processor's own counters tell some of it, too."""


def by_process(of_run: Callable[[Run], float | None], record: Record) -> tuple[float, ...]:
    """A value in each process that has one."""
    values = (of_run(run) for run in record.runs)
    return tuple(value for value in values if value is not None)
