"""Records and bundles made for the runtime's tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgekit_runtime.bundle import sha256_of
from edgekit_runtime.codec import dumps_document
from edgekit_runtime.figure import measured, unavailable
from edgekit_runtime.golden import Golden, golden_arrays
from edgekit_runtime.interpreter import open_interpreter
from edgekit_runtime.manifest import Binding, FileEntry, Manifest, Origin, OutputBinding, Tolerance
from edgekit_runtime.record import Environment, Fact, GoldenCheck, ModelIdentity, Record
from edgekit_runtime.runs import BenchSettings, MemoryReading, Run

MIB = 1 << 20
ORIGIN = Origin("00" * 32, "keras", "host", "00" * 32, "float32", "00" * 32, ())


def run_of(latency_us: int, peak_mib: int = 40) -> Run:
    """A process whose 101 latencies begin at a time and grow by 10 ns each."""
    latencies = tuple(latency_us * 1000 + 10 * i for i in range(101))
    return Run(2_000_000, 3_000_000, (), latencies, MemoryReading("VmHWM", 30 * MIB, peak_mib * MIB, 9 * MIB))


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
        governor=Fact("ondemand"),
        clock_mhz=measured(1500, "MHz", "scaling_cur_freq"),
        temperature_c=unavailable("°C", "no thermal zone"),
        throttled=Fact(reason="no vcgencmd"),
    )
    identity = ModelIdentity("resnet8", "tflite", "int8", "ab" * 32, 96 * 1024, "cd" * 32)
    return Record(identity, environment, BenchSettings(), GoldenCheck(4, 0.0, "step", 0.0), runs, precise)


def write_bundle(folder: Path, model: Path, samples: np.ndarray, shift: float = 0.0) -> Path:
    interpreter = open_interpreter(model, "tflite")
    (taken,), (given,) = interpreter.inputs, interpreter.outputs
    outputs = []
    for sample in samples:
        interpreter.set_input(0, sample[None])
        interpreter.invoke()
        outputs.append(interpreter.output(0)[0] + np.asarray(shift, given.dtype))
    folder.mkdir()
    shutil.copyfile(model, folder / "model.tflite")
    (folder / "profile.toml").write_text("")
    binding = OutputBinding(given, given, Tolerance("range", 1e-5, 1e-4))
    manifest = Manifest(
        "made", "tflite", "float32", (Binding(taken, taken),), (binding,), interpreter.kernels, "synthetic", ORIGIN,
        None, (),
    )  # fmt: skip
    golden = Golden((samples,), (np.stack(outputs),), (np.stack(outputs),))
    np.savez(folder / "golden.npz", **golden_arrays(golden, manifest))
    files = tuple(FileEntry(p.name, sha256_of(p), p.stat().st_size) for p in sorted(folder.iterdir()))
    manifest = Manifest(**{**vars(manifest), "files": files})
    (folder / "manifest.json").write_text(dumps_document(manifest))
    return folder


@pytest.fixture
def make_bundle(assets: Path, tmp_path: Path) -> Callable[..., Path]:
    """Makes a bundle of the smallest real model; `shift` moves its golden outputs away."""
    model = assets / "tflite-micro/hello_world_float.tflite"
    samples = np.linspace(0, 6, 4, dtype=np.float32).reshape(4, 1)
    return lambda shift=0.0: write_bundle(tmp_path / "made", model, samples, shift)


@pytest.fixture
def make_run() -> Callable[..., Run]:
    """Makes a run with a latency in microseconds and a peak in MiB."""
    return run_of


@pytest.fixture
def make_record() -> Callable[..., Record]:
    """Makes a record of runs."""
    return record_of
