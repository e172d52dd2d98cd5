"""What one device measured: the raw runs, and the surroundings they ran in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Optional

from edgekit_runtime.figure import Figure


@dataclass(frozen=True)
class Fact:
    """A text that could be read, or the reason why not."""

    value: Optional[str] = None
    reason: str = ""

    def __post_init__(self) -> None:
        if (self.value is None) == (not self.reason):
            raise ValueError("a fact has either a value or the reason why it is missing")


@dataclass(frozen=True)
class Environment:
    """The device as it was when the runs began.

    Attributes:
        board: Model of the board, as its firmware names it.
        machine: Instruction set, such as `aarch64`.
        cpu: Model of the processor.
        cores: Processors this process may use.
        memory_bytes: Installed memory.
        system: Operating system and its kernel's release.
        python: Version of Python.
        interpreter: Library that runs the model, with version.
        kernels: The kernels it takes, such as `xnnpack`.
        governor: Frequency governor of the first processor.
        clock_mhz: Clock of the first processor.
        temperature_c: Temperature of the processor.
        throttled: Throttle bits of the firmware, in words.
    """

    board: Fact
    machine: str
    cpu: Fact
    cores: int
    memory_bytes: Figure
    system: str
    python: str
    interpreter: str
    kernels: str
    governor: Fact
    clock_mhz: Figure
    temperature_c: Figure
    throttled: Fact


@dataclass(frozen=True)
class ModelIdentity:
    """Which model was measured.

    Attributes:
        name: Its name.
        format: `tflite` or `onnx`.
        scheme: Quantization scheme; `unknown` for a bare file.
        sha256: Checksum of the model's file.
        size_bytes: Its length.
        bundle_digest: Digest of the bundle; `None` for a bare file.
    """

    name: str
    format: str
    scheme: str
    sha256: str
    size_bytes: int
    bundle_digest: Optional[str]


@dataclass(frozen=True)
class BenchSettings:
    """How to measure.

    Attributes:
        threads: Threads of the interpreter.
        min_runs: Fresh processes to begin with.
        max_runs: Fresh processes at most.
        warmup_s: Seconds of inferences that are not counted, in each process.
        sample_s: Seconds of inferences that are counted, in each process.
        min_samples: Counted inferences at least, in each process.
        precision: Stop when the interval of the median is narrower than this share of it.
        timeout_s: Seconds after which one process is given up.
        seed: Seed of the made input where the model brings none.
    """

    threads: int = 1
    min_runs: int = 5
    max_runs: int = 20
    warmup_s: float = 0.2
    sample_s: float = 0.5
    min_samples: int = 20
    precision: float = 0.03
    timeout_s: float = 120.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise ValueError(f"threads is {self.threads}; allowed: 1 or more")
        if not 5 <= self.min_runs <= self.max_runs:
            raise ValueError("min_runs is at least 5, and at most max_runs")


@dataclass(frozen=True)
class GoldenCheck:
    """Whether the device gave the golden outputs.

    Attributes:
        samples: Golden samples that were run; 0 when there are none.
        worst: Largest difference over the outputs, in the unit of its tolerance.
        unit: `step` or `range`.
        limit: What the tolerance allowed there.
        reason: Why nothing was checked; empty otherwise.
    """

    samples: int
    worst: float
    unit: str
    limit: float
    reason: str = ""


@dataclass(frozen=True)
class MemoryReading:
    """Memory of one process around the model.

    Attributes:
        method: How the peak was read.
        baseline_rss_bytes: Resident memory just before the model was loaded.
        peak_rss_bytes: Highest resident memory from then on.
        anonymous_rss_bytes: Resident memory that no file backs, at the end.
        reason: Why there is no reading; empty otherwise.
    """

    method: str = ""
    baseline_rss_bytes: Optional[int] = None
    peak_rss_bytes: Optional[int] = None
    anonymous_rss_bytes: Optional[int] = None
    reason: str = ""


@dataclass(frozen=True)
class Run:
    """One fresh process.

    Attributes:
        load_ns: Time to open the model and allocate its tensors.
        first_inference_ns: Time of the first inference.
        warmup_ns: Times of the inferences that are not counted.
        latency_ns: Times of the counted inferences, in order.
        memory: Memory of this process.
    """

    load_ns: int
    first_inference_ns: int
    warmup_ns: tuple[int, ...]
    latency_ns: tuple[int, ...]
    memory: MemoryReading


@dataclass(frozen=True)
class Record:
    """All that one device measured of one model.

    Attributes:
        model: Which model.
        environment: The device.
        settings: How it was measured.
        golden: The check that came first.
        runs: Fresh processes, in order.
        precise: Whether the interval of the median became narrow enough; else the limit of runs ended it.
    """

    SCHEMA: ClassVar[str] = "edgekit/record"
    VERSION: ClassVar[int] = 1

    model: ModelIdentity
    environment: Environment
    settings: BenchSettings
    golden: GoldenCheck
    runs: tuple[Run, ...]
    precise: bool
