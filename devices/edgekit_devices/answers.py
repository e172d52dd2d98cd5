"""What the agent on a device answers: its document, or what went wrong there as the same error here."""

from __future__ import annotations

import json

from edgekit_devices.device import Completed, last_line
from edgekit_runtime.child import UnexpectedError
from edgekit_runtime.errors import DeviceError, error_from_code

LOCAL = "local"  # goes without saying
KILLED = -9
KILLED_HINT = "The device may have run out of memory: close other programs there, or take a smaller model."


def agent_error(address: str, completed: Completed, path: str = "", shown: str = "") -> Exception:
    """What the agent says went wrong; where it says nothing, how it ended.

    Args:
        address: The device's address.
        completed: How the agent ended.
        path: The bundle's path on the device, of which the user knows nothing.
        shown: The user's own, which takes its place in what the agent says.
    """
    try:
        told = json.loads(completed.stdout)["error"]
        code, message, hint = str(told["code"]), str(told["message"]), str(told["hint"])
    except (ValueError, TypeError, LookupError):
        return DeviceError(
            f"{address}: the agent ended with status {completed.status}: {last_line(completed.stderr)}",
            hint=KILLED_HINT if completed.status == KILLED else "",
        )
    if code == "bug":
        return UnexpectedError(message)
    message, hint = (text.replace(path, shown) if path else text for text in (message, hint))
    return error_from_code(code, message if address == LOCAL else f"{address}: {message}", hint)
