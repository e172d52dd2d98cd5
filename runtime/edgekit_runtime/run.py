"""Running a bundle on what the user gives it, and telling the answer; without numpy, which the agent never imports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgekit_runtime.codec import decode, encode
from edgekit_runtime.errors import UserError
from edgekit_runtime.processes import call_process, require_numpy

SHOWN_CLASSES = 5
SHOWN_VALUES = 8


@dataclass(frozen=True)
class RunRequest:
    """What to run.

    Attributes:
        bundle: The bundle.
        input: A picture, or an `.npy` or `.npz` file.
        threads: Threads of the interpreter.
    """

    bundle: str
    input: str
    threads: int


@dataclass(frozen=True)
class RankedClass:
    """A class with its score.

    Attributes:
        index: Its number.
        label: Its name; `class N` where names are not known.
        score: What the model gave for it.
    """

    index: int
    label: str
    score: float


@dataclass(frozen=True)
class OutputAnswer:
    """One output for one sample.

    Attributes:
        name: The output.
        shape: Its shape, without batch axis.
        best: Its best classes, best first; empty where it holds no scores of classes.
        values: All of its values as real numbers, row by row.
    """

    name: str
    shape: tuple[int, ...]
    best: tuple[RankedClass, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Answer:
    """What a bundle gives.

    Attributes:
        model: Name of the model.
        input: What it was run on.
        samples: For each sample each output.
    """

    SCHEMA: ClassVar[str] = "edgekit/answer"
    VERSION: ClassVar[int] = 1

    model: str
    input: str
    samples: tuple[tuple[OutputAnswer, ...], ...]


def run(bundle: str, given: str, threads: int, timeout_s: float) -> Answer:
    """Run a bundle on a picture or on arrays, in a process of its own.

    Args:
        bundle: The bundle.
        given: A picture, or an `.npy` or `.npz` file of one sample or of several.
        threads: Threads of the interpreter.
        timeout_s: Seconds after which it is given up.

    Raises:
        BundleError: The bundle is damaged.
        DataError: What was given does not fit.
        ModelError: The interpreter refuses the model, dies of it, or does not come back in time.
        MissingExtraError: numpy, the interpreter or (for a picture) Pillow is not installed.
    """
    require_numpy()
    if threads < 1 or not timeout_s > 0:
        raise UserError(f"threads is {threads} and timeout {timeout_s:g}; allowed: at least 1, and above 0.")
    request = RunRequest(bundle, given, threads)
    return decode(Answer, call_process("run", f"{bundle}: running the model", encode(request), timeout_s))


def answer_text(answer: Answer) -> str:
    """An answer in lines, for a person."""
    lines = []
    for number, outputs in enumerate(answer.samples):
        if len(answer.samples) > 1:
            lines.append(f"sample {number}")
        for output in outputs:
            if len(outputs) > 1 or not output.best:
                lines.append(f"{output.name} {output.shape}")
            lines += [f"{one.score:10.4g}  {one.label}" for one in output.best] or [_values(output)]
    return "".join(f"{line}\n" for line in lines)


def _values(output: OutputAnswer) -> str:
    shown = " ".join(f"{value:.4g}" for value in output.values[:SHOWN_VALUES])
    more = len(output.values) - SHOWN_VALUES
    return f"  {shown}" + (f" ... {more} more (all with --json)" if more > 0 else "")
