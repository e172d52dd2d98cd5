"""What one device measured: the raw runs, and the surroundings they ran in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Optional

from edgekit_runtime.figure import Figure
from edgekit_runtime.runs import BenchSettings, MemoryReading, Run

__all__ = [
    "BenchSettings",
    "Environment",
    "Fact",
    "GoldenCheck",
    "MemoryReading",
    "ModelIdentity",
    "Record",
    "Run",
]


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

    def __post_init__(self) -> None:
        if not self.settings.min_runs <= len(self.runs) <= self.settings.max_runs:
            raise ValueError(
                f"there are {len(self.runs)} runs; allowed: {self.settings.min_runs} to {self.settings.max_runs}"
            )
