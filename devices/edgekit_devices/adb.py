"""Devices over the Android Debug Bridge, by its own client: Linux boards whose USB port speaks it, and phones."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from edgekit_devices.address import AdbAddress
from edgekit_runtime.errors import DeviceError

PROGRAM = "adb"


class AdbTransport:
    """A device over ADB.

    Args:
        address: Which one.
        program: The client.
    """

    def __init__(self, address: AdbAddress, program: str = PROGRAM) -> None:
        self.address = str(address)
        self._serial = address.serial
        self._program = program

    def argv(self, command: Sequence[str]) -> tuple[str, ...]:
        """The client's command: no terminal, so that bytes pass as they are; one line for the device's shell."""
        return (self._program, "-s", self._serial, "shell", "-T", "exec " + " ".join(map(shlex.quote, command)))

    def explain(self, log: str) -> DeviceError | None:
        """What went wrong, by what the client says."""
        for pattern, message, hint in FAULTS:
            if re.search(pattern, log):
                return DeviceError(f"{self.address}: {message}.", hint=hint)
        return None


# The first that fits counts; texts as of adb 29 to 35.
FAULTS = (
    (r"still connecting", "it is not connected yet", "Run the command again in a moment."),
    (
        r"insufficient permissions|no permissions",
        "this user may not open its USB port",
        "Run: sudo apt install android-sdk-platform-tools-common; then plug it in again.",
    ),
    (
        r"only supports allocating a pty|doesn't support PTY args",
        "its adbd is too old to hand on bytes as they are",
        "It needs that of Android 7 or newer, or of Debian 13; or take SSH.",
    ),
    (
        r"unauthorized|still authorizing",
        "it does not trust this machine",
        "Unlock its screen, and allow USB debugging for this machine.",
    ),
    (r"device offline", "it is offline", "Plug it in again, or run: adb reconnect"),
    (r"device '.*' not found|no devices", "no such device", "See what is connected: adb devices"),
    (r"cannot connect to daemon|failed to start daemon", "adb's server does not start", "Run: adb start-server"),
    (r"protocol fault|error: closed", "the connection broke", "Plug it in again, and run the command again."),
)
