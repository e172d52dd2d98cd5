"""What one device measured: the raw runs, and the surroundings they ran in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Optional

from edgekit_runtime.conditions import BEGIN, LATENCY, Conditions, Fact, Moment, throttled_in
from edgekit_runtime.counts import Counts
from edgekit_runtime.figure import Figure
from edgekit_runtime.points import OperatingPoints
from edgekit_runtime.readings import EnergyReading, OperatorTimes, PowerWindow, Throughput, WeightCache
from edgekit_runtime.runs import BenchSettings, MemoryReading, Run
from edgekit_runtime.series import CounterReading, Sustained

__all__ = [
    "BenchSettings",
    "Conditions",
    "Counts",
    "EnergyReading",
    "Environment",
    "Fact",
    "GoldenCheck",
    "MemoryReading",
    "ModelIdentity",
    "Moment",
    "OperatorTimes",
    "Record",
    "Run",
    "Throughput",
    "WeightCache",
]


@dataclass(frozen=True)
class Environment:
    """The device, as far as it stays the same while it measures.

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
        runs: Fresh processes, in order; none where the board was emulated.
        precise: Whether the interval of the median became narrow enough; else the limit of runs ended it.
        moments: The conditions before the first run, after each, and after what was measured beside them.
        arena_size: The interpreter's plan of the memory between its operators.
        energy: By a power sensor, where there is one.
        weight_cache: Load times with and without one; `None` where it was not asked for.
        throughput: By threads and by interpreters; `None` where it was not asked for.
        operators: The time of each; `None` where it was not asked for.
        counters: Instructions and cycles; `None` where it was not asked for.
        sustained: Without a rest; `None` where it was not asked for.
        windows: When the device idled and ran, for an external power meter; none where it was not asked for.
        points: Ways to run the model; `None` where it was not asked for.
        counts: What an inference takes on an emulated board, which is not timed; `None` for a real one.
    """

    SCHEMA: ClassVar[str] = "edgekit/record"
    VERSION: ClassVar[int] = 1

    model: ModelIdentity
    environment: Environment
    settings: BenchSettings
    golden: GoldenCheck
    runs: tuple[Run, ...]
    precise: bool
    moments: tuple[Moment, ...]
    arena_size: Figure
    energy: EnergyReading
    weight_cache: Optional[WeightCache] = None
    throughput: Optional[Throughput] = None
    operators: Optional[OperatorTimes] = None
    counters: Optional[CounterReading] = None
    sustained: Optional[Sustained] = None
    windows: tuple[PowerWindow, ...] = ()
    points: Optional[OperatingPoints] = None
    counts: Optional[Counts] = None

    def __post_init__(self) -> None:
        if self.counts is not None:
            if self.runs or self.precise:
                raise ValueError("what was counted on an emulated board was timed, too; allowed: one of both")
        elif not self.settings.min_runs <= len(self.runs) <= self.settings.max_runs:
            raise ValueError(
                f"there are {len(self.runs)} runs; allowed: {self.settings.min_runs} to {self.settings.max_runs}"
            )
        stages = [moment.stage for moment in self.moments]
        if stages[: 1 + len(self.runs)] != [BEGIN] + [LATENCY] * len(self.runs):
            raise ValueError("the moments do not begin with one before the first run and one after each")

    @property
    def before(self) -> Conditions:
        """The conditions before the first run."""
        return self.moments[0].conditions

    @property
    def after(self) -> Conditions:
        """The conditions after the last run."""
        return self.moments[len(self.runs)].conditions

    def invalid(self, stage: str = LATENCY) -> str:
        """Why what was measured in a stage is not valid; empty where nothing speaks against it.

        A processor that was throttled did not run as the board can.

        Args:
            stage: A stage of `moments`.
        """
        words = throttled_in(stage, self.moments)
        return f"invalid: throttled while measuring {stage} ({words})" if words else ""
