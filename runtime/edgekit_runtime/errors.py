"""Every error that edgekit raises on purpose.

    EdgekitError
    +-- UserError             the input is wrong             exit status 2
    |   +-- ModelError        a model cannot be read or run
    |   +-- DataError         calibration or evaluation data does not fit
    |   +-- BundleError       a bundle is damaged or incomplete
    |   +-- ProfileError      a target profile is wrong or unknown
    |   +-- RecipeError       the plan cannot be made from what was asked
    |   +-- ConversionError   a framework refused a step
    |   +-- OutputError       the result cannot be written there
    |   +-- ReportError       a report or a gate cannot be read
    |   +-- MissingExtraError an optional library is not installed
    +-- DeviceError           the device failed              exit status 3

Anything else that reaches the command line is a bug (exit status 70).
"""

from __future__ import annotations

import errno
from typing import ClassVar

LINE_CHARACTERS = 200
UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


class EdgekitError(Exception):
    """The root: one line for the user, and a stable code for machines.

    Args:
        message: What is wrong, where, and what is allowed.
        hint: What to do next.
    """

    code: ClassVar[str] = "error"
    exit_status: ClassVar[int] = 70

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        if not self.hint:
            return self.message
        stop = "" if self.message.endswith((".", "!", "?")) else "."
        return f"{self.message}{stop} {self.hint}"


class UserError(EdgekitError):
    """The user's input is wrong."""

    code = "user"
    exit_status = 2


class ModelError(UserError):
    """A model cannot be read or run."""

    code = "model"


class DataError(UserError):
    """Calibration or evaluation data does not fit."""

    code = "data"


class BundleError(UserError):
    """A bundle is damaged, incomplete or of a newer version."""

    code = "bundle"


class ProfileError(UserError):
    """A target profile is wrong or unknown."""

    code = "profile"


class RecipeError(UserError):
    """The plan cannot be made from what was asked."""

    code = "recipe"


class ConversionError(UserError):
    """A framework refused a step of the conversion."""

    code = "conversion"


class OutputError(UserError):
    """The result cannot be written where it was asked for."""

    code = "output"


class ReportError(UserError):
    """A report, or a condition on reports, cannot be read."""

    code = "report"


class MissingExtraError(UserError):
    """An optional library is not installed."""

    code = "missing-extra"


class DeviceError(EdgekitError):
    """The device failed, or cannot be reached."""

    code = "device"
    exit_status = 3


def error_from_code(code: str, message: str, hint: str) -> EdgekitError:
    """Rebuild an error that crossed a process border as text.

    Args:
        code: The `code` of the class that was raised.
        message: Its message.
        hint: Its hint.
    """
    kinds = {kind.code: kind for kind in _family(EdgekitError)}
    return kinds.get(code, EdgekitError)(message, hint=hint)


def full_disk(error: BaseException) -> OutputError | None:
    """The error for the user where writing failed for want of space or of a right; `None` for any other error."""
    if not isinstance(error, OSError) or error.errno not in UNWRITABLE:
        return None
    where = f" {error.filename}" if error.filename else ""
    return OutputError(f"writing{where}: {error.strerror}.", hint="Free some space, or choose another place with -o.")


def first_line(error: BaseException) -> str:
    """The first line of a library's error that says something, for the end of a message."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    return lines[0] if len(lines[0]) <= LINE_CHARACTERS else lines[0][: LINE_CHARACTERS - 3] + "..."


def _family(kind: type[EdgekitError]) -> list[type[EdgekitError]]:
    return [kind] + [member for child in kind.__subclasses__() for member in _family(child)]
