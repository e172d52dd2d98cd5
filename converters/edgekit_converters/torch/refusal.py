"""What PyTorch and its exporters say, in one line for the user."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from pathlib import Path

from edgekit_converters.torch.border import Forward
from edgekit_converters.torch.lacking import first_lacking
from edgekit_runtime.errors import ConversionError, ModelError, first_line

# What torch.export and litert-torch say of sizes and branches that are known only while the module runs.
ON_VALUES = ("data-dependent expression", "Abstract tracer value encountered", "nbacked", "indices must be concrete")
OWN_FILE = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+), in \w+')
INSIDE = re.compile(r"\S*site-packages\S*:\d+:\d+: ")  # a line of PyTorch's own, which tells the user nothing
NOT_THE_USERS = ("site-packages", "edgekit_converters", "edgekit_runtime", "/lib/python", "<")


def cannot_run(source: str, forward: Forward, error: Exception) -> ModelError:
    """A forward that fails on inputs of the shapes and types that were given."""
    given = ", ".join(f"{spec.name} {spec.dtype} {_sizes(spec.shape)}" for spec in forward.inputs)
    return ModelError(
        f"{source}: its forward fails with {given}: {first_line(error).rstrip('.')}{user_line(error)}.",
        hint="Give the shapes and types that it takes with --shape and --dtype, the batch axis first.",
    )


def _sizes(shape: tuple[int, ...]) -> str:
    return "x".join(str(max(size, 1)) for size in shape)


def user_line(error: BaseException) -> str:
    """` (file.py, line 12: the line)`: the innermost line of the user's own code; empty where there is none."""
    frames = [
        (frame.filename, frame.lineno or 0)
        for frame in traceback.extract_tb(error.__traceback__)
        if not any(part in frame.filename for part in NOT_THE_USERS)
    ]
    frames += [
        (found["file"], int(found["line"]))
        for found in OWN_FILE.finditer(str(error))
        if not any(part in found["file"] for part in NOT_THE_USERS)
    ]
    if not frames:
        return ""
    file, line = frames[-1]
    try:
        text = Path(file).read_text(encoding="utf-8").splitlines()[line - 1].strip()
    except (OSError, IndexError, UnicodeDecodeError):
        text = ""
    return f" ({Path(file).name}, line {line}{f': {text}' if text else ''})"


def cannot_export(
    source: str, format_name: str, error: Exception, lacking: tuple[str, ...] = (), doubles: tuple[str, ...] = ()
) -> ConversionError:
    """A module that does not become a file.

    Args:
        source: Where it came from.
        format_name: What it should become.
        error: What the exporter raised.
        lacking: All operators that the exporter lacks, as far as they are known.
        doubles: The inputs and weights in float64, for a format whose operators do not take it.
    """
    text = "\n".join(str(one) for one in chain(error))
    if any(mark in text for mark in ON_VALUES):
        return ConversionError(
            f"{source}: its forward branches on the values of its inputs, or takes a size from them, and a file has "
            f"one fixed graph{user_line(error)}.",
            hint="Choose between values with torch.where, or leave that part out of the module and run it before or "
            "after.",
        )
    first = first_lacking(error)
    if first:
        operators = ", ".join(lacking or (first,)) + ("" if lacking[1:] else user_line(error))
        return ConversionError(
            f"{source}: {format_name} gets no operators for PyTorch's {operators}.",
            hint="Replace what needs them in the module's forward, or try the other one of --format tflite and onnx.",
        )
    if doubles:
        return ConversionError(
            f"{source}: {format_name} has hardly an operator for float64, in which are: {', '.join(doubles)}; "
            "allowed: float32.",
            hint="Call .float() on the module, and leave --dtype float64 out.",
        )
    said = re.sub(r"\x1b\[\d*m", "", first_line(list(chain(error))[-1]))
    said = INSIDE.sub("", said)
    return ConversionError(f"{source}: PyTorch cannot export it to {format_name}: {said}{user_line(error)}.")


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, then what it came from."""
    while error is not None:
        yield error
        error = error.__cause__
