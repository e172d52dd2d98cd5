"""Devices by names of the user's own, from a file `fleet.toml`."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgekit_devices.address import parse_address
from edgekit_runtime.codec import FormatError
from edgekit_runtime.errors import UserError

VARIABLE = "EDGEKIT_FLEET"
FILE = "fleet.toml"
ALL = "all"
NAME = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)
RESERVED = (ALL, "local")


@dataclass(frozen=True)
class FleetEntry:
    """A device of the file.

    Attributes:
        address: Such as `ssh://pi@kitchen.local`.
        python: The Python there; only where a session reaches it.
        target: The target to hold its figures against; `None` for the bundle's own.
    """

    address: str
    python: str = "python3"
    target: str | None = None


@dataclass(frozen=True)
class FleetDocument:
    """The file."""

    devices: Mapping[str, FleetEntry] = field(default_factory=dict)


def fleet_path() -> Path | None:
    """The fleet file: the one that EDGEKIT_FLEET names, else of this folder, else of the user; `None` without one.

    Raises:
        UserError: EDGEKIT_FLEET names no file.
    """
    named = os.environ.get(VARIABLE)
    if named:
        if not Path(named).is_file():
            raise UserError(f"{VARIABLE} is {named!r}: no such file.", hint=f"Check the path, or unset {VARIABLE}.")
        return Path(named)
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return next((path for path in (Path(FILE), config / "edgekit" / FILE) if path.is_file()), None)


def load_fleet() -> Mapping[str, FleetEntry]:
    """The devices of the fleet file by their names; none without a file.

    Raises:
        UserError: It has faults: one line for each.
    """
    path = fleet_path()
    return {} if path is None else read_fleet(path)


def read_fleet(path: Path) -> Mapping[str, FleetEntry]:
    """The devices of a file by their names.

    Raises:
        UserError: It has faults: one line for each, as `file: key: fault; allowed: ...`.
    """
    from edgekit_targets.validate import validate

    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: it cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: it is no TOML: {error}.") from error
    faults = [fault for name, entry in _raw_entries(tree) for fault in _faults(name, entry)]
    try:
        document = validate(FleetDocument, tree)
    except FormatError as error:
        faults = [*error.faults, *faults]
    if faults:
        raise UserError("\n".join(f"{path}: {fault}" for fault in faults))
    return document.devices


def _raw_entries(tree: dict[str, object]) -> Iterator[tuple[str, dict[str, object]]]:
    """The entries as they were read, so that faults of form hide none of meaning."""
    devices = tree.get("devices")
    for name, entry in devices.items() if isinstance(devices, dict) else ():
        yield name, entry if isinstance(entry, dict) else {}


def _faults(name: str, entry: dict[str, object]) -> list[str]:
    address, python = entry.get("address"), entry.get("python")
    found = []
    if not NAME.fullmatch(name) or name in RESERVED:
        allowed = f"letters, digits, '.', '_', '-', and none of {', '.join(RESERVED)}"
        found.append(f"devices: {name!r} is no name of a device; allowed: {allowed}")
    if isinstance(address, str):
        try:
            parse_address(address)
        except UserError as error:
            found.append(f"devices.{name}.address: {error.message}")
    if isinstance(python, str) and (not python or python.startswith("-")):
        found.append(f"devices.{name}.python: is {python!r}; allowed: a program's name or path")
    return found
