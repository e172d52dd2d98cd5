"""How a user names a device: `local`, `ssh://user@host[:port]`, `adb://SERIAL`, `emulated://NAME`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from edgekit_runtime.errors import UserError

FORMS = "local, ssh://user@host[:port], adb://SERIAL, emulated://NAME"

# No part may begin with a hyphen: a program that is given the part would take it for an option.
SSH = re.compile(r"([A-Za-z_][\w.-]*)@([A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?", re.ASCII)
SERIAL = re.compile(r"\w[\w.:-]*", re.ASCII)
NAME = re.compile(r"[a-z0-9][a-z0-9-]*", re.ASCII)


@dataclass(frozen=True)
class LocalAddress:
    """This machine."""

    scheme: ClassVar[str] = "local"

    def __str__(self) -> str:
        return "local"


@dataclass(frozen=True)
class SshAddress:
    """A device reached over SSH.

    Attributes:
        user: Name to log in with.
        host: Name or number; an IPv6 number stands in brackets.
        port: TCP port; `None` for what the user's SSH configuration says.
    """

    scheme: ClassVar[str] = "ssh"

    user: str
    host: str
    port: int | None = None

    def __str__(self) -> str:
        return f"ssh://{self.user}@{self.host}" + ("" if self.port is None else f":{self.port}")


@dataclass(frozen=True)
class AdbAddress:
    """An Android device, by its serial."""

    scheme: ClassVar[str] = "adb"

    serial: str

    def __str__(self) -> str:
        return f"adb://{self.serial}"


@dataclass(frozen=True)
class EmulatedAddress:
    """An emulated board, by its name."""

    scheme: ClassVar[str] = "emulated"

    name: str

    def __str__(self) -> str:
        return f"emulated://{self.name}"


Address = LocalAddress | SshAddress | AdbAddress | EmulatedAddress


def parse_address(text: str) -> Address:
    """Read an address.

    Raises:
        UserError: It has none of the forms.
    """
    scheme, separator, rest = text.partition("://")
    address: Address | None = None
    if text == "local":
        address = LocalAddress()
    elif separator and scheme == "ssh":
        address = _ssh(rest)
    elif separator and scheme == "adb" and SERIAL.fullmatch(rest):
        address = AdbAddress(rest)
    elif separator and scheme == "emulated" and NAME.fullmatch(rest):
        address = EmulatedAddress(rest)
    if address is None:
        raise UserError(f"{text!r} is no device's address; allowed: {FORMS}.")
    return address


def _ssh(rest: str) -> SshAddress | None:
    found = SSH.fullmatch(rest)
    if found is None:
        return None
    user, host, port = found.groups()
    if port is not None and not 1 <= int(port) <= 65535:
        return None
    return SshAddress(user, host, None if port is None else int(port))
