"""This machine by a session, for what keeps something on it, such as a deployment."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit_runtime.errors import DeviceError


class LocalTransport:
    """Starts commands on this machine."""

    address = "local"

    def argv(self, command: Sequence[str]) -> tuple[str, ...]:
        """The command itself."""
        return tuple(command)

    def explain(self, log: str) -> DeviceError | None:  # noqa: ARG002  # the face of Transport
        """Nothing: there is no connection that could fail."""
        return None
