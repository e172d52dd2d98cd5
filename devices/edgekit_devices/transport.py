"""How a program of the device is started from here: the one thing in which ways to a device differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from edgekit_runtime.errors import DeviceError


class Transport(Protocol):
    """A way to a device.

    Attributes:
        address: How the user names the device.
    """

    @property
    def address(self) -> str: ...  # noqa: D102  # told above

    def argv(self, command: Sequence[str]) -> tuple[str, ...]:
        """The command here that runs a command there, with its stdin, stdout and stderr.

        Args:
            command: The command there, which no shell may change.
        """
        ...

    def explain(self, log: str) -> DeviceError | None:
        """What went wrong, by what the command here wrote on stderr; `None` where that tells nothing."""
        ...
