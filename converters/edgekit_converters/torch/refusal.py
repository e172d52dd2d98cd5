"""What PyTorch and its exporters say, in one line for the user."""

from __future__ import annotations

import re
import traceback
from pathlib import Path

from edgekit_converters.torch.border import Forward
from edgekit_runtime.errors import ConversionError, ModelError, first_line

OWN_FILE = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+), in \w+')
NOT_THE_USERS = ("site-packages", "edgekit_converters", "edgekit_runtime", "/lib/python", "<")


def cannot_run(source: str, forward: Forward, error: Exception) -> ModelError:
    """A forward that fails on inputs of the shapes and types that were given."""
    given = ", ".join(f"{spec.name} {spec.dtype} {_sizes(spec.shape)}" for spec in forward.inputs)
    return ModelError(
        f"{source}: its forward fails with {given}: {first_line(error)}{user_line(error)}",
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


def cannot_export(source: str, format_name: str, error: Exception) -> ConversionError:
    """A module that does not become a file."""
    return ConversionError(
        f"{source}: PyTorch cannot export it to {format_name}: {first_line(error)}{user_line(error)}",
        hint="See the whole log with -v.",
    )
