"""What the agent and its preparing process hand to each other; without numpy, which the agent never imports."""

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
    """

    model: str
    bundle: Optional[str]
    threads: int
    seed: int
    inputs_folder: Optional[str]


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
