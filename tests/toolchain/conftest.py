"""Reports made up for tests, as if a device had measured them."""

from __future__ import annotations

import functools
import random
from dataclasses import replace
from types import SimpleNamespace

import pytest

from edgekit.reports.report import Report, make_report
from edgekit_converters.evaluation import Evaluation, Flips
from edgekit_runtime.conditions import BEGIN, LATENCY, Conditions, Moment, Throttling
from edgekit_runtime.figure import Interval, measured, unavailable
from edgekit_runtime.readings import EnergyReading
from edgekit_runtime.record import Environment, Fact, GoldenCheck, ModelIdentity, Record
from edgekit_runtime.runs import BenchSettings, MemoryReading, Run
from edgekit_targets.catalog import load_profile
from edgekit_targets.profile import Profile

MS = 1_000_000


def _environment() -> Environment:
    return Environment(
        board=Fact("Raspberry Pi 4 Model B Rev 1.4"),
        machine="aarch64",
        cpu=Fact("ARM Cortex-A72"),
        cores=4,
        memory_bytes=measured(4_000_000_000, "byte", "MemTotal of /proc/meminfo"),
        system="Linux 6.12.34",
        python="3.11.2",
        interpreter="ai-edge-litert 2.3.0",
        kernels="xnnpack",
    )


def _moments(runs: int) -> tuple[Moment, ...]:
    clock = measured(1500, "MHz", "scaling_cur_freq")
    conditions = Conditions(Fact("performance"), clock, unavailable("°C", "no thermal zone"), Throttling(0))
    return tuple(Moment(stage, conditions) for stage in [BEGIN] + [LATENCY] * runs)


def _run(latency_ms: float, rng: random.Random, spread: float) -> Run:
    factor = rng.gauss(1.0, spread)
    latencies = tuple(int(latency_ms * MS * factor * rng.uniform(0.99, 1.02)) for _ in range(20))
    peak = int(40e6 + 1e6 * latency_ms * factor)
    return Run(
        load_ns=int(1.9 * MS * factor),
        first_inference_ns=int(1.6 * latency_ms * MS * factor),
        warmup_ns=(),
        latency_ns=latencies,
        cpu_ns=sum(latencies),
        memory=MemoryReading("VmHWM", 30_000_000, peak, 20_000_000),
    )


def record_of(
    latency_ms: float = 10.0, *, seed: int = 0, spread: float = 0.01, runs: int = 5, size_bytes: int = 98_464
) -> Record:
    rng = random.Random(seed)
    return Record(
        model=ModelIdentity("resnet8", "tflite", "int8", "ab" * 32, size_bytes, "cd" * 32),
        environment=_environment(),
        settings=BenchSettings(),
        golden=GoldenCheck(4, 0.0, "step", 0.0),
        runs=tuple(_run(latency_ms, rng, spread) for _ in range(runs)),
        precise=True,
        moments=_moments(runs),
        arena_size=measured(199_680, "byte", "span of the tensors"),
        energy=EnergyReading(reason="no power sensor"),
    )


def evaluation_of(exported: float = 0.884, change: float = -0.006, *, data: str = "ef" * 32) -> Evaluation:
    def near(value: float, half: float) -> Interval:
        return Interval(value - half, value + half)

    return Evaluation(
        metric="accuracy",
        higher_is_better=True,
        samples=500,
        data_sha256=data,
        interpreter="ai-edge-litert 2.3.0 (xnnpack)",
        source=measured(0.89, "share", "share of right answers", near(0.89, 0.027)),
        exported=measured(exported, "share", "share of right answers", near(exported, 0.028)),
        change=measured(change, "share", "paired difference", near(change, 0.009)),
        agreement=measured(0.978, "share", "same answers", near(0.978, 0.013)),
        flips=Flips(11, 7, 4),
        sqnr_db=measured(21.3, "dB", "power of the source's outputs over that of the difference"),
    )


def report_of(latency_ms: float = 10.0, *, seed: int = 0, spread: float = 0.01, size_bytes: int = 98_464) -> Report:
    record = record_of(latency_ms, seed=seed, spread=spread, size_bytes=size_bytes)
    return make_report(record, pi_4(), evaluation_of())


@functools.cache
def pi_4() -> Profile:
    return load_profile("raspberry-pi-4b").profile


def without_memory(record: Record) -> Record:
    """The record of a machine whose kernel does not tell the peak."""
    runs = tuple(replace(run, memory=MemoryReading(reason="the peak cannot be reset")) for run in record.runs)
    return replace(record, runs=runs)


def throttled_in(record: Record, stage: str) -> Record:
    """The record as if the firmware had throttled the processor while a stage was measured."""
    conditions = replace(record.before, throttling=Throttling(0x40004))
    others = tuple(moment for moment in record.moments if moment.stage != stage)
    spoiled = tuple(Moment(stage, conditions) for moment in record.moments if moment.stage == stage)
    return replace(record, moments=others + (spoiled or (Moment(stage, conditions),)))


@pytest.fixture(scope="session")
def made() -> SimpleNamespace:
    """Functions that make reports and their parts."""
    return SimpleNamespace(
        report=report_of,
        record=record_of,
        evaluation=evaluation_of,
        without_memory=without_memory,
        throttled_in=throttled_in,
        pi_4=pi_4,
    )
