"""Records and bundles made for the runtime's tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgekit_runtime.bundle import open_bundle
from edgekit_runtime.conditions import BEGIN, LATENCY, Conditions, Moment, Throttling
from edgekit_runtime.figure import measured, unavailable
from edgekit_runtime.golden import read_golden
from edgekit_runtime.readings import EnergyReading
from edgekit_runtime.record import Environment, Fact, GoldenCheck, ModelIdentity, Record
from edgekit_runtime.runs import BenchSettings, MemoryReading, Run
from tests.bundle_files import dense_bundle, seal
from tests.tflite_files import write_dense

MIB = 1 << 20


def run_of(latency_us: int, peak_mib: int = 40) -> Run:
    """A process whose 101 latencies begin at a time and grow by 10 ns each."""
    latencies = tuple(latency_us * 1000 + 10 * i for i in range(101))
    memory = MemoryReading("VmHWM", 30 * MIB, peak_mib * MIB, 9 * MIB)
    return Run(2_000_000, 3_000_000, (), latencies, sum(latencies), memory, 1500.0)


def moment_of(stage: str, bits: int | None = None) -> Moment:
    """The conditions after a stage, with the firmware's throttle bits."""
    throttling = Throttling(reason="no vcgencmd") if bits is None else Throttling(bits)
    clock = measured(600, "MHz", "scaling_cur_freq")
    return Moment(stage, Conditions(Fact("ondemand"), clock, unavailable("°C", "no thermal zone"), throttling))


def moments_of(runs: int, bits: int | None = None) -> tuple[Moment, ...]:
    """The moments of so many runs, all with the same throttle bits."""
    return tuple(moment_of(stage, bits) for stage in [BEGIN] + [LATENCY] * runs)


def record_of(*runs: Run, precise: bool = True) -> Record:
    environment = Environment(
        board=Fact("Raspberry Pi 4 Model B Rev 1.1"),
        machine="aarch64",
        cpu=Fact("ARM Cortex-A72"),
        cores=4,
        memory_bytes=measured(4 << 30, "byte", "MemTotal of /proc/meminfo"),
        system="Linux 6.6.31",
        python="3.11.2",
        interpreter="ai-edge-litert 2.3.0",
        kernels="xnnpack",
    )
    identity = ModelIdentity("resnet8", "tflite", "int8", "ab" * 32, 96 * 1024, "cd" * 32)
    return Record(
        identity,
        environment,
        BenchSettings(),
        GoldenCheck(4, 0.0, "step", 0.0),
        runs,
        precise,
        moments_of(len(runs)),
        measured(199_680, "byte", "span of the tensors"),
        EnergyReading(reason="no power sensor"),
    )


def shifted_bundle(folder: Path, shift: float) -> Path:
    path = dense_bundle(folder)
    with open_bundle(path) as bundle:
        golden = read_golden(bundle.golden_path, bundle.manifest)
        moved = replace(golden, outputs=tuple(values + np.float32(shift) for values in golden.outputs))
        seal(path, bundle.manifest, moved)
    return path


@pytest.fixture
def make_bundle(tmp_path: Path) -> Callable[..., Path]:
    """Makes a bundle of a small dense model; `shift` moves its golden outputs away."""
    return lambda shift=0.0: shifted_bundle(tmp_path, shift)


@pytest.fixture
def dense(tmp_path: Path) -> Path:
    """The small dense model as a bare file, `dense.tflite`."""
    return write_dense(tmp_path / "dense.tflite")


@pytest.fixture
def make_run() -> Callable[..., Run]:
    """Makes a run with a latency in microseconds and a peak in MiB."""
    return run_of


@pytest.fixture
def make_record() -> Callable[..., Record]:
    """Makes a record of runs."""
    return record_of


@pytest.fixture
def make_moment() -> Callable[..., Moment]:
    """Makes a moment of a stage with throttle bits; `None` where the firmware does not tell."""
    return moment_of


@pytest.fixture
def make_moments() -> Callable[..., tuple[Moment, ...]]:
    """Makes the moments of a number of runs."""
    return moments_of
