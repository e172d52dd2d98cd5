"""Devices over SSH, by the system's OpenSSH client: the user's configuration, keys, agent and jump hosts count."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Sequence

from edgekit_devices.address import SshAddress
from edgekit_runtime.errors import DeviceError

PROGRAM = "ssh"
# Nothing asks, nothing is forwarded, no unknown host is believed, and a connection that hangs is given up.
OPTIONS = {
    "BatchMode": "yes",
    "StrictHostKeyChecking": "yes",
    "ConnectTimeout": "15",
    "ServerAliveInterval": "5",
    "ServerAliveCountMax": "4",
    "ControlMaster": "no",
    "RemoteCommand": "none",
    "RequestTTY": "no",
    "PermitLocalCommand": "no",
    "ClearAllForwardings": "yes",
    "LogLevel": "ERROR",
}
RESOLVE_S = 10.0


class SshTransport:
    """A device over SSH.

    Args:
        address: Where it is.
        program: The client.
    """

    def __init__(self, address: SshAddress, program: str = PROGRAM) -> None:
        self.address = str(address)
        self._at = address
        self._program = program

    def argv(self, command: Sequence[str]) -> tuple[str, ...]:
        """The client's command; the device's shell reads each part of the command as one word."""
        options = tuple(part for name, value in OPTIONS.items() for part in ("-o", f"{name}={value}"))
        line = "exec " + " ".join(map(shlex.quote, command))
        return (self._program, "-a", "-x", "-T", *options, *self._where(), line)

    def explain(self, log: str) -> DeviceError | None:
        """What went wrong, by what OpenSSH says; texts as of OpenSSH 7.9 to 10."""
        for pattern, message, hint in FAULTS:
            found = re.search(pattern, log)
            if found is not None:
                return DeviceError(f"{self.address}: {message}.", hint=self._filled(hint))
        return None

    def _where(self) -> tuple[str, ...]:
        port = () if self._at.port is None else ("-p", str(self._at.port))
        return (*port, "--", f"{self._at.user}@{self._at.host.strip('[]')}")

    def _filled(self, hint: str) -> str:
        host, port = self._resolved() if "{scan}" in hint or "{known}" in hint else ("", "")
        scan = f"ssh-keyscan -p {port} {host} | ssh-keygen -lf -"
        known = host if port == "22" else f"'[{host}]:{port}'"
        return hint.format(scan=scan, known=known, ssh=self._by_hand("ssh"), to=self._by_hand("ssh-copy-id"))

    def _by_hand(self, program: str) -> str:
        return shlex.join((program, *(part for part in self._where() if part != "--")))

    def _resolved(self) -> tuple[str, str]:
        """Host and port after the user's configuration, which may stand behind an alias."""
        argv = [self._program, "-G", *self._where()]
        try:
            told = subprocess.run(argv, capture_output=True, text=True, timeout=RESOLVE_S, check=False).stdout
        except (OSError, subprocess.TimeoutExpired):
            told = ""
        fields = dict(line.split(" ", 1) for line in told.splitlines() if " " in line)
        return fields.get("hostname", self._at.host), fields.get("port", str(self._at.port or 22))


# The first that fits counts.
FAULTS = (
    (
        r"REMOTE HOST IDENTIFICATION HAS CHANGED",
        "its host key is another one than before, so nothing was sent: it was set up anew, or something else answers",
        "See what it shows now: {scan}; if that is right, forget the old key: ssh-keygen -R {known}",
    ),
    (
        r"Host key verification failed|No \S+ host key is known",
        "its host key is unknown, so nothing was sent",
        "See what it shows: {scan}; compare that with the board, then connect once by hand: {ssh}",
    ),
    (
        r"Permission denied|Too many authentication failures",
        "it refused to let this user in",
        "Bring your key there: {to}; then {ssh} must work without a password",
    ),
    (r"Could not resolve hostname", "no such host", "Check the name, and that the board is on this network."),
    (r"Connection refused", "nothing listens there", "Switch on SSH on the board: sudo systemctl enable --now ssh"),
    (
        r"Connection timed out|Operation timed out|No route to host|Network is unreachable",
        "it does not answer",
        "Check that the board is on, and reachable: {ssh} true",
    ),
    (
        r"Timeout, server .* not responding|Broken pipe|Connection (?:reset|closed)|client_loop: send disconnect",
        "the connection broke",
        "Check the board's power and network, and run the command again: it goes on from there.",
    ),
    (
        r"(?:Bad owner or permissions|Bad configuration option|terminating, \d+ bad)",
        "ssh refuses its configuration",
        "Try: {ssh} true",
    ),
)
