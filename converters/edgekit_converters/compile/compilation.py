"""What a vendor's compiler made of a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from edgekit_runtime.errors import UserError
from edgekit_runtime.figure import Figure
from edgekit_targets.findings import Place

COMPILATION_FILE = "trail/compilation.json"


class CompileError(UserError):
    """A vendor's compiler does not compile a model."""

    code = "compile"


@dataclass(frozen=True)
class CompilerFigure:
    """A figure that a compiler gives.

    Attributes:
        name: What it is of, such as `sram` or `cycles`.
        figure: The figure.
    """

    name: str
    figure: Figure


@dataclass(frozen=True)
class Placed:
    """What a compiler says of some operators of a kind.

    Attributes:
        kind: Their kind.
        count: How many they are.
        on_npu: Whether they run on the accelerator.
        status: What it says of them, in its own words.
    """

    kind: str
    count: int
    on_npu: bool
    status: str


@dataclass(frozen=True)
class Compilation:
    """What a vendor's compiler made of a model, or what to run where it is not installed.

    Attributes:
        accelerator: What the file is for, in the compiler's words.
        compiler: The compiler and its version; its name alone where it did not run.
        command: The command that compiles the model, `model.tflite` or `model.onnx` being its file.
        file: Name of the compiled file; `None` where the compiler did not run.
        reason: Why it did not run; empty otherwise.
        figures: What the compiler predicts.
        on_cpu: The operators that it leaves to the processor. Where it only says how many of a kind, those that the
            target's rules refuse come first, then the last ones of the kind for the Edge TPU, whose part of a model is
            its beginning, and the first ones for others.
        beyond_chip: What the compiled model takes more of than the profile says the chip has.
        kinds: Its own account, kind by kind; empty where it gives none.
    """

    SCHEMA: ClassVar[str] = "edgekit/compilation"
    VERSION: ClassVar[int] = 1

    accelerator: str
    compiler: str
    command: str
    file: str | None
    reason: str
    figures: tuple[CompilerFigure, ...]
    on_cpu: tuple[Place, ...]
    beyond_chip: tuple[str, ...] = ()
    kinds: tuple[Placed, ...] = ()


@dataclass(frozen=True)
class Compiled:
    """A compilation, and where its file lies.

    Attributes:
        compilation: What the compiler made.
        path: The compiled file; `None` where the compiler did not run.
    """

    compilation: Compilation
    path: Path | None


def not_run(accelerator: str, compiler: str, command: str, reason: str) -> Compiled:
    """What is told of a compiler that did not run."""
    return Compiled(Compilation(accelerator, compiler, command, None, reason, (), ()), None)


def predicted(name: str, value: float, unit: str, method: str) -> CompilerFigure:
    """A compiler's figure: it knows the hardware, and ran nothing there."""
    return CompilerFigure(name, Figure("predicted", unit, float(value), method))
