"""From a record's raw runs to its figures, in a fixed order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgekit_runtime.figure import Figure, measured, unavailable
from edgekit_runtime.record import Record
from edgekit_runtime.runs import MemoryReading
from edgekit_runtime.stats import geometric_mean_interval, quantile

LATENCIES = {"latency_p50": 0.5, "latency_p90": 0.9, "latency_p99": 0.99}


@dataclass(frozen=True)
class NamedFigure:
    """A figure under the name that reports and gates know it by."""

    name: str
    figure: Figure


def figures(record: Record) -> tuple[NamedFigure, ...]:
    """The figures of a record: latency, load time, first inference, memory, size.

    Times are geometric means over the fresh processes, with an interval over the processes;
    memory is the largest of them.
    """
    times = [NamedFigure(name, _latency(record, name)) for name in LATENCIES]
    loads = [float(run.load_ns) for run in record.runs]
    firsts = [float(run.first_inference_ns) for run in record.runs]
    return (
        *times,
        NamedFigure("load_time", _mean(loads, "opening the model and allocating its tensors")),
        NamedFigure("first_inference", _mean(firsts, "the first inference after loading")),
        NamedFigure("peak_rss", _peak(record, above_baseline=False)),
        NamedFigure("model_memory", _peak(record, above_baseline=True)),
        NamedFigure("model_size", measured(record.model.size_bytes, "byte", "length of the model's file")),
    )


def _latency(record: Record, name: str) -> Figure:
    counts = [len(run.latency_ns) for run in record.runs]
    values = [quantile(run.latency_ns, LATENCIES[name]) for run in record.runs]
    return _mean(values, f"{name[-3:]} of {min(counts)} to {max(counts)} inferences")


def _mean(values: Sequence[float], what: str) -> Figure:
    center, interval = geometric_mean_interval(values)
    method = f"{what}, geometric mean over {len(values)} fresh processes, Student's t interval between them"
    return measured(center, "ns", method, interval)


def _peak(record: Record, *, above_baseline: bool) -> Figure:
    readings = [run.memory for run in record.runs]
    reasons = [reading.reason for reading in readings if reading.reason]
    if reasons:
        return unavailable("byte", reasons[0])
    method = f"{readings[0].method}, largest of {len(readings)} fresh processes"
    if above_baseline:
        method += ", less the resident memory before loading"
    return measured(max(_peak_bytes(reading, above_baseline) for reading in readings), "byte", method)


def _peak_bytes(reading: MemoryReading, above_baseline: bool) -> int:
    peak, baseline = reading.peak_rss_bytes or 0, reading.baseline_rss_bytes or 0
    return peak - baseline if above_baseline else peak
