"""From a record's raw runs to its figures, in a fixed order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edgekit_runtime.conditions import ENERGY, LATENCY, OPERATORS, THROUGHPUT, WEIGHT_CACHE
from edgekit_runtime.counts import LEAST_REPEATABLE, REPEATABLE, TRAFFIC_REPEATABLE, UNTIMED, Counts
from edgekit_runtime.figure import Figure, Interval, measured, unavailable
from edgekit_runtime.pace import drift, growth
from edgekit_runtime.readings import EnergyReading, OperatorTimes, ThroughputRow
from edgekit_runtime.record import Record
from edgekit_runtime.runs import MemoryReading
from edgekit_runtime.stats import geometric_mean_interval, mean_interval, quantile

LATENCIES = {"latency_p50": 0.5, "latency_p90": 0.9, "latency_p99": 0.99}
UNTIMED_FIGURES = {
    **dict.fromkeys((*LATENCIES, "load_time", "first_inference", "cpu_time"), "ns"),
    **dict.fromkeys(("peak_rss", "model_memory"), "byte"),
}


@dataclass(frozen=True)
class NamedFigure:
    """A figure under the name that reports and gates know it by."""

    name: str
    figure: Figure


def figures(record: Record) -> tuple[NamedFigure, ...]:
    """The figures of a record: latency, load time, first inference, memory, size, energy, and what was asked for.

    Times are geometric means over the fresh processes, with an interval over the processes;
    memory is the largest of them. What was measured while the processor was throttled is
    unavailable; its raw samples stay in the record. An emulated board has counts instead of times
    and memory.
    """
    return (
        *(_timed(record) if record.counts is None else _counted(record.counts)),
        NamedFigure("arena_size", record.arena_size),
        NamedFigure("model_size", measured(record.model.size_bytes, "byte", "length of the model's file")),
        NamedFigure("energy", _energy(record)),
        *_weight_cache(record),
        *_throughput(record),
        *_operators(record),
        *_counters(record),
        *_sustained(record),
    )


def _timed(record: Record) -> tuple[NamedFigure, ...]:
    loads = [float(run.load_ns) for run in record.runs]
    firsts = [float(run.first_inference_ns) for run in record.runs]
    return (
        *(NamedFigure(name, _latency(record, name)) for name in LATENCIES),
        NamedFigure("load_time", _time(record, loads, "opening the model and allocating its tensors")),
        NamedFigure("first_inference", _time(record, firsts, "the first inference after loading")),
        NamedFigure("cpu_time", _cpu_time(record)),
        NamedFigure("peak_rss", _peak(record, above_baseline=False)),
        NamedFigure("model_memory", _peak(record, above_baseline=True)),
    )


def _counted(counts: Counts) -> Iterator[NamedFigure]:
    for name, unit in UNTIMED_FIGURES.items():
        yield NamedFigure(name, unavailable(unit, UNTIMED))
    how = f"counted on an emulated {counts.cpu}, one thread"
    for name in ("instructions", "loads", "stores", "simd", "dot_products"):
        yield NamedFigure(name, _count(getattr(counts, name), "instructions", how, REPEATABLE))
    ports = f"cycles of the busiest port of each basic block, {how}; waits for memory and for results come on top"
    yield NamedFigure("port_cycles", _count(counts.port_cycles, "cycles", ports, REPEATABLE))
    caches = f"simulated caches of a {counts.cpu}, no prefetch, one thread"
    yield NamedFigure("l1_refill", _count(counts.l1_refill_bytes, "byte", caches, TRAFFIC_REPEATABLE))
    yield NamedFigure("dram_traffic", _count(counts.dram_bytes, "byte", caches, TRAFFIC_REPEATABLE))


def _count(value: int, unit: str, method: str, repeatable: float) -> Figure:
    half = max(value * repeatable, min(LEAST_REPEATABLE, value))
    interval = Interval(value - half, value + half) if value else None
    method = f"{method}; repeatable to {100 * repeatable:g} %, or to {LEAST_REPEATABLE} where that is less"
    return Figure("simulated", unit, float(value), method, interval)


def _latency(record: Record, name: str) -> Figure:
    counts = [len(run.latency_ns) for run in record.runs]
    values = [quantile(run.latency_ns, LATENCIES[name]) for run in record.runs]
    return _time(record, values, f"{name[-3:]} of {min(counts)} to {max(counts)} {_inferences(record)}")


def _cpu_time(record: Record) -> Figure:
    values = [run.cpu_ns / len(run.latency_ns) for run in record.runs]
    if min(values) == 0:
        return unavailable("ns", "the system's processor clock is too coarse for these inferences")
    return _time(record, values, f"processor time, over all threads, of the counted {_inferences(record)}, each")


def _inferences(record: Record) -> str:
    batch = record.settings.batch
    return "inferences" if batch == 1 else f"inferences of {batch} samples each"


def _time(record: Record, values: Sequence[float], what: str, stage: str = LATENCY) -> Figure:
    method = f"{what}, geometric mean over {len(values)} fresh processes, Student's t interval between them"
    return _mean(record, values, "ns", method, stage)


def _mean(record: Record, values: Sequence[float], unit: str, method: str, stage: str) -> Figure:
    invalid = record.invalid(stage)
    if invalid:
        return unavailable(unit, invalid)
    center, interval = geometric_mean_interval(values)
    return measured(center, unit, method, interval)


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


def _energy(record: Record) -> Figure:
    reading = record.energy
    reason = reading.reason or record.invalid(ENERGY)
    if reason:
        return unavailable("µJ", reason)
    center, interval = mean_interval([run.energy_uj for run in reading.runs])
    if interval.low <= 0:
        found = f"{center:.3g} ± {interval.high - center:.2g} µJ"
        return unavailable("µJ", f"{_powers(reading)}, gives {found}, which does not stand out from nothing")
    method = (
        f"{_powers(reading)}; mean over {len(reading.runs)} fresh processes, Student's t interval between them; "
        f"sampling took {reading.sampling_share or 0:.1%} of a core, idle and busy alike"
    )
    return measured(center, "µJ", method, interval)


def _powers(reading: EnergyReading) -> str:
    count = len(reading.runs)
    busy_mw = sum(run.busy_mw for run in reading.runs) / count
    idle_mw = sum(run.idle_mw for run in reading.runs) / count
    return f"{reading.sensor}: {busy_mw:.0f} mW busy less {idle_mw:.0f} mW idle, times the time of one inference"


def _weight_cache(record: Record) -> Iterator[NamedFigure]:
    reading = record.weight_cache
    if reading is None:
        return
    ways = {
        "load_time_uncached": (reading.uncached_ns, "without a weight cache"),
        "load_time_cached": (reading.cached_ns, "with the weight cache that an earlier process wrote"),
    }
    for name, (times, way) in ways.items():
        what = f"loading by LiteRT's CompiledModel {way}"
        found = unavailable("ns", reading.reason) if reading.reason else _time(record, times, what, WEIGHT_CACHE)
        yield NamedFigure(name, found)
    size = measured(reading.size_bytes, "byte", "length of the file of XNNPACK's weight cache")
    yield NamedFigure("weight_cache_size", unavailable("byte", reading.reason) if reading.reason else size)


def _throughput(record: Record) -> Iterator[NamedFigure]:
    reading = record.throughput
    if reading is None:
        return
    if reading.reason:
        yield NamedFigure("throughput", unavailable("1/s", reading.reason))
    for row in reading.rows:
        yield NamedFigure(f"throughput_{row.interpreters}x{row.threads}", _rate(record, row))


def _rate(record: Record, row: ThroughputRow) -> Figure:
    way = (
        f"1 interpreter with {row.threads} thread{'s' if row.threads > 1 else ''}"
        if row.interpreters == 1
        else f"{row.interpreters} interpreters side by side, each with 1 thread in a process of its own"
    )
    times = f"{len(row.inferences_per_s)} times by fresh processes"
    method = f"{_inferences(record)} in a second, {way}; geometric mean of {times}, Student's t interval between them"
    return _mean(record, row.inferences_per_s, "1/s", method, THROUGHPUT)


def _counters(record: Record) -> Iterator[NamedFigure]:
    reading = record.counters
    if reading is None:
        return
    for name in ("instructions", "cycles"):
        if reading.reason:
            yield NamedFigure(name, unavailable(name, reading.reason))
            continue
        values = [getattr(run, name) / run.inferences for run in reading.runs]
        center, interval = geometric_mean_interval(values)
        method = (
            f"the processor's counter by perf_event_open, outside the kernel, all threads, of one inference; geometric "
            f"mean over {len(values)} fresh processes, Student's t interval between them"
        )
        yield NamedFigure(name, measured(center, name, method, interval))


def _sustained(record: Record) -> Iterator[NamedFigure]:
    if record.sustained is not None:
        yield NamedFigure("latency_drift", drift(record.sustained))
        yield NamedFigure("memory_growth", growth(record.sustained))


def _operators(record: Record) -> Iterator[NamedFigure]:
    times = record.operators
    if times is None:
        return
    reason = times.reason or record.invalid(OPERATORS)
    yield NamedFigure("operators_share", unavailable("share", reason) if reason else _operators_share(times))


def _operators_share(times: OperatorTimes) -> Figure:
    """How far the sum of the operators is from the whole."""
    count = len(times.rows)
    method = f"sum of {count} operators over the median whole inference of the same process; {times.method}"
    if times.untimed:
        method += f"; {len(times.untimed)} could not be timed: {', '.join(dict.fromkeys(times.untimed))}"
    if times.watched_ns is not None:
        method += f"; an inference took {times.watched_ns / times.whole_ns:.2f} times as long while they were timed"
    return measured(times.sum_ns / times.whole_ns, "share", method)
