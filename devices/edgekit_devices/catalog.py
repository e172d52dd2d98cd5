"""From an address to its device."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgekit_devices.address import (
    FORMS,
    AdbAddress,
    Address,
    EmulatedAddress,
    LocalAddress,
    SshAddress,
    parse_address,
)
from edgekit_devices.device import Device
from edgekit_devices.fleet import load_fleet
from edgekit_devices.transport import Transport
from edgekit_runtime.errors import DeviceError, UserError

if TYPE_CHECKING:
    from edgekit_devices.remote import RemoteDevice


@dataclass(frozen=True)
class Named:
    """A device as the user named it, by its address or by a name of the fleet file.

    Attributes:
        name: What the user wrote.
        address: Where it is.
        python: The Python there.
        target: The target that the fleet file gives it.
    """

    name: str
    address: Address
    python: str
    target: str | None = None


def find_device(text: str) -> Named:
    """What an address, or a name of the fleet file, stands for.

    Raises:
        UserError: It is neither, or the fleet file has faults.
    """
    if "://" not in text and text != LocalAddress.scheme:
        fleet = load_fleet()
        if text in fleet:
            entry = fleet[text]
            return Named(text, parse_address(entry.address), entry.python, entry.target)
        if fleet:
            raise UserError(
                f"{text!r} is no device: neither an address ({FORMS}) nor in the fleet file ({', '.join(fleet)})."
            )
    address = parse_address(text)
    return Named(text, address, sys.executable if isinstance(address, LocalAddress) else "python3")


def open_device(text: str) -> Device:
    """Open the device of an address, or of a name of the fleet file.

    Raises:
        UserError: It is neither.
        DeviceError: The device cannot be reached.
    """
    named = find_device(text)
    return DEVICES[named.address.scheme](named)


def open_remote(text: str) -> RemoteDevice:
    """Open a device that keeps what is deployed to it.

    Raises:
        UserError: It is no address, and no name of the fleet file.
        DeviceError: Such a device keeps nothing, or the device cannot be reached.
    """
    named = find_device(text)
    scheme = named.address.scheme
    if isinstance(named.address, EmulatedAddress):
        from edgekit_devices.emulated.boards import find_board

        find_board(named.address.name)  # what there is not is nothing to measure on, either
    if scheme not in TRANSPORTS:
        raise DeviceError(
            f"{text}: nothing can be deployed to {scheme} devices; allowed: {', '.join(TRANSPORTS)}.",
            hint=f"Measure there: edgekit bench BUNDLE --device {text}",
        )
    return _remote(named)


def _local(_: Named) -> Device:
    from edgekit_devices.local import LocalDevice

    return LocalDevice()


def _remote(named: Named) -> RemoteDevice:
    from edgekit_devices.remote import RemoteDevice

    return RemoteDevice(TRANSPORTS[named.address.scheme](named.address), named.python)


def _emulated(named: Named) -> Device:
    from edgekit_devices.emulated.device import EmulatedDevice

    assert isinstance(named.address, EmulatedAddress)
    return EmulatedDevice(named.address.name)


def _local_transport(_: Address) -> Transport:
    from edgekit_devices.local_transport import LocalTransport

    return LocalTransport()


def _ssh_transport(address: Address) -> Transport:
    from edgekit_devices.ssh import SshTransport

    assert isinstance(address, SshAddress)
    return SshTransport(address)


def _adb_transport(address: Address) -> Transport:
    from edgekit_devices.adb import AdbTransport

    assert isinstance(address, AdbAddress)
    return AdbTransport(address)


DEVICES: Mapping[str, Callable[[Named], Device]] = {
    "local": _local,
    "ssh": _remote,
    "adb": _remote,
    "emulated": _emulated,
}
TRANSPORTS: Mapping[str, Callable[[Address], Transport]] = {
    "local": _local_transport,
    "ssh": _ssh_transport,
    "adb": _adb_transport,
}
