"""What the agent on a device answers: its document, or what went wrong there as the same error here."""

from __future__ import annotations

import json

from edgekit_devices.device import Completed, last_line
from edgekit_runtime.child import UnexpectedError
from edgekit_runtime.errors import DeviceError, error_from_code

KILLED = -9
KILLED_HINT = "The device may have run out of memory: close other programs there, or take a smaller model."


def agent_error(address: str, completed: Completed) -> Exception:
    """What the agent says went wrong; where it says nothing, how it ended."""
    try:
        told = json.loads(completed.stdout)["error"]
        code, message, hint = str(told["code"]), str(told["message"]), str(told["hint"])
    except (ValueError, TypeError, LookupError):
        return DeviceError(
            f"{address}: the agent ended with status {completed.status}: {last_line(completed.stderr)}",
            hint=KILLED_HINT if completed.status == KILLED else "",
        )
    return UnexpectedError(message) if code == "bug" else error_from_code(code, message, hint)
