"""What the agent and its processes hand to each other; without numpy, which the agent never imports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from edgekit_runtime.record import GoldenCheck


@dataclass(frozen=True)
class PrepareRequest:
    """What to prepare.

    Attributes:
        model: The model's file.
        bundle: The unpacked bundle it belongs to; `None` for a bare file.
        threads: Threads of the interpreter.
        seed: Seed of the made inputs of a bare file.
        inputs_folder: Where to write the inputs; `None` for a check alone.
        batch: Samples in one inference.
    """

    model: str
    bundle: Optional[str]
    threads: int
    seed: int
    inputs_folder: Optional[str]
    batch: int = 1


@dataclass(frozen=True)
class Prepared:
    """A model that is ready to be measured.

    Attributes:
        format: `tflite`.
        library: Library that runs the model, with version.
        kernels: The kernels it takes.
        golden: Result of the golden check.
        inputs: A `.npy` file for each input, in the file's order.
    """

    format: str
    library: str
    kernels: str
    golden: GoldenCheck
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class ProbeRequest:
    """A question about a model that takes a process of its own.

    Attributes:
        model: The model's file.
        threads: Threads of the interpreter.
        batch: Samples in one inference.
        weight_cache: File of XNNPACK's weight cache; empty for none.
    """

    model: str
    threads: int
    batch: int
    weight_cache: str = ""


@dataclass(frozen=True)
class Window:
    """When to run a model over and over, by `time.perf_counter_ns`, which all processes share."""

    begin_ns: int
    end_ns: int


@dataclass(frozen=True)
class Pace:
    """What came of it.

    Attributes:
        inferences: How many were made.
        elapsed_ns: From the beginning of the first to the end of the last.
        cpu_ns: Processor time of all of them together, over all threads.
        p90_ns: 90 % of them took at most this; of the first hundred thousand.
    """

    inferences: int
    elapsed_ns: int
    cpu_ns: int = 0
    p90_ns: float = 0.0
