"""How one process measures, and what it gave; apart from the record, so that this process stays small."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from edgekit_runtime.pinning import parse_cores

CLOCK_FILE = "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq"  # of the first processor, in kHz


@dataclass(frozen=True)
class BenchSettings:
    """How to measure.

    Attributes:
        threads: Threads of the interpreter.
        batch: Samples in one inference; above 1 only for models with a free batch axis.
        min_runs: Fresh processes to begin with.
        max_runs: Fresh processes at most.
        warmup_s: Seconds of inferences that are not counted, in each process.
        sample_s: Seconds of inferences that are counted, in each process.
        min_samples: Counted inferences at least, in each process.
        precision: Stop when the interval of the median is narrower than this share of it.
        timeout_s: Seconds after which one process is given up.
        seed: Seed of the made input where the model brings none.
        energy_s: Seconds under a power sensor, idle and then busy, in each process; 0 leaves energy out.
        throughput: Whether to measure throughput by threads and by interpreters.
        weight_cache: Whether to measure the load time with and without XNNPACK's weight cache.
        operators: Whether to time each operator.
        pin: Cores that the measuring processes may use, such as `2,3` or `0-1`; empty for any.
        sustain_s: Seconds that one process runs without a rest; 0 leaves it out.
        counters: Whether to count instructions and cycles by the processor's own counters.
        windows: Whether to note when the device idles and when it runs, for an external power meter.
        operating_points: Whether to look for the way to run the model that takes least.
        latency_budget_ms: What an inference may take there; 0 for anything.
    """

    threads: int = 1
    batch: int = 1
    min_runs: int = 5
    max_runs: int = 20
    warmup_s: float = 0.2
    sample_s: float = 0.5
    min_samples: int = 20
    precision: float = 0.03
    timeout_s: float = 120.0
    seed: int = 0
    energy_s: float = 1.0
    throughput: bool = False
    weight_cache: bool = False
    operators: bool = False
    pin: str = ""
    sustain_s: float = 0.0
    counters: bool = False
    windows: bool = False
    operating_points: bool = False
    latency_budget_ms: float = 0.0

    def __post_init__(self) -> None:
        if not 5 <= self.min_runs <= self.max_runs:
            raise ValueError(f"min_runs is {self.min_runs}; allowed: 5 or more, and at most max_runs ({self.max_runs})")
        for name, least in (("threads", 1), ("batch", 1), ("min_samples", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}; allowed: {least} or more")
        for name in ("precision", "timeout_s"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name} is {getattr(self, name):g}; allowed: above 0")
        for name in ("warmup_s", "sample_s", "energy_s", "sustain_s", "latency_budget_ms"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name} is {getattr(self, name):g}; allowed: 0 or more")
        parse_cores(self.pin)
        if self.windows and not self.energy_s:
            raise ValueError("energy_s is 0; allowed: above 0 with an external meter")


@dataclass(frozen=True)
class Workload:
    """A model that is ready to be measured, and how.

    Attributes:
        model: The model's file.
        format: `tflite`.
        inputs: A `.npy` file for each input, in the file's order, of the shape and type that it stores.
        settings: How to measure.
    """

    model: str
    format: str
    inputs: tuple[str, ...]
    settings: BenchSettings


@dataclass(frozen=True)
class MemoryReading:
    """Memory of one process around the model: all of it, or the reason why there is none.

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

    def __post_init__(self) -> None:
        parts = (self.baseline_rss_bytes, self.peak_rss_bytes, self.anonymous_rss_bytes)
        if any((part is None) != bool(self.reason) for part in parts) or bool(self.method) == bool(self.reason):
            raise ValueError("a memory reading has a method and all its parts, or the reason why there is none")


@dataclass(frozen=True)
class Run:
    """One fresh process.

    Attributes:
        load_ns: Time to open the model and allocate its tensors.
        first_inference_ns: Time of the first inference.
        warmup_ns: Times of the inferences that are not counted, the first thousand of them.
        latency_ns: Times of the counted inferences, in order.
        cpu_ns: Processor time of the counted inferences together, over all threads.
        memory: Memory of this process.
        clock_mhz: Clock of the first processor right after the last inference; `None` where the system does not tell.
    """

    load_ns: int
    first_inference_ns: int
    warmup_ns: tuple[int, ...]
    latency_ns: tuple[int, ...]
    cpu_ns: int
    memory: MemoryReading
    clock_mhz: Optional[float] = None

    def __post_init__(self) -> None:
        if not self.latency_ns or min(self.load_ns, self.first_inference_ns, *self.latency_ns) <= 0:
            raise ValueError("a run has counted inferences, and every time is above 0")
        if self.cpu_ns < 0:
            raise ValueError(f"cpu_ns is {self.cpu_ns}; allowed: 0 or more")
