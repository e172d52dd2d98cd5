"""How a bundle is served; without numpy, which the agent imports only once it serves."""

from __future__ import annotations

import ipaddress
import os
import socket
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from edgekit_runtime.errors import UserError

TOKEN_VARIABLE = "EDGEKIT_TOKEN"  # noqa: S105  # the name of a variable, not what it holds
TOKEN_CHARACTERS = 16  # at least, so that it cannot be guessed
MIB = 1 << 20


@dataclass(frozen=True)
class ServeSettings:
    """How to serve.

    Attributes:
        host: Address to listen at.
        port: Port to listen at; 0 for any that is free.
        token_file: File that holds the token; empty for the variable EDGEKIT_TOKEN.
        queue: Requests that may wait; further ones are refused.
        batch: Samples that one request may bring.
        cache: Results kept for equal inputs; 0 for none.
        threads: Threads of the interpreter.
        max_body_mib: Length of a request's body at most.
        timeout_s: Seconds after which an inference counts as stuck.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    token_file: str = ""
    queue: int = 64
    batch: int = 64
    cache: int = 0
    threads: int = 1
    max_body_mib: int = 16
    timeout_s: float = 120.0

    def __post_init__(self) -> None:
        least = {"port": 0, "queue": 1, "batch": 1, "cache": 0, "threads": 1, "max_body_mib": 1}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise ValueError(f"{name} is {getattr(self, name)}; allowed: {low} or more")
        if self.port > 65535:
            raise ValueError(f"port is {self.port}; allowed: 0 to 65535")
        if not 0 < self.timeout_s < float("inf"):
            raise ValueError(f"timeout_s is {self.timeout_s:g}; allowed: above 0")


def read_token(settings: ServeSettings, environment: Optional[Mapping[str, str]] = None) -> bytes:
    """The token that clients must show; empty where none is set.

    Args:
        settings: Tells the file.
        environment: Where the variable is looked up; that of this process by default.

    Raises:
        UserError: The file cannot be read, others may read it, or the token is too short or no plain text.
    """
    source = settings.token_file or TOKEN_VARIABLE
    if settings.token_file:
        text = _read_private(Path(settings.token_file)).strip()
    else:
        text = (os.environ if environment is None else environment).get(TOKEN_VARIABLE, "")
        if not text:
            return b""
    if len(text) < TOKEN_CHARACTERS or not (text.isascii() and text.isprintable()) or " " in text:
        raise UserError(
            f"{source}: no token is in it; allowed: {TOKEN_CHARACTERS} characters of ASCII or more, and no spaces.",
            hint="Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'",
        )
    return text.encode("ascii")


def listen(settings: ServeSettings, token: bytes) -> socket.socket:
    """A socket that listens.

    Raises:
        UserError: The address is unknown or taken, or it is open to others and there is no token.
    """
    host, port = settings.host, settings.port
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError) as error:
        raise UserError(f"--host {host}: no such address.", hint="Try 127.0.0.1, or 0.0.0.0 for all.") from error
    if not token and not ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback:
        raise UserError(
            f"--host {host}: others can reach it, so clients must show a token, and none is set.",
            hint=f"Give --token-file FILE, or the variable {TOKEN_VARIABLE}.",
        )
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere this would let another program take the port over
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        reason = os.strerror(error.errno or 0).lower()
        raise UserError(f"{host}, port {port}: {reason}.", hint="Choose another with --port.") from error
    return listener


def _read_private(path: Path) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            if os.name == "posix" and mode & (stat.S_IRGRP | stat.S_IROTH | stat.S_IWGRP | stat.S_IWOTH):
                raise UserError(f"{path}: others may read the token.", hint=f"Run: chmod 600 {path}")
            return file.read(4096)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise UserError(f"{path}: the token cannot be read: {reason}.", hint="Check the path.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: the token is no plain text.") from error
