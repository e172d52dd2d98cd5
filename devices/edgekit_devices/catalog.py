"""From an address to its device."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from edgekit_devices.address import Address, EmulatedAddress, SshAddress, parse_address
from edgekit_devices.device import Device
from edgekit_devices.transport import Transport
from edgekit_runtime.errors import DeviceError

if TYPE_CHECKING:
    from edgekit_devices.remote import RemoteDevice


def open_device(text: str) -> Device:
    """Open the device of an address.

    Raises:
        UserError: It is no address.
        DeviceError: This version does not reach such a device, or the device cannot be reached.
    """
    address = parse_address(text)
    opener = DEVICES.get(address.scheme)
    if opener is None:
        raise DeviceError(
            f"{text}: this version of edgekit does not reach {address.scheme} devices; allowed: {', '.join(DEVICES)}.",
            hint="Copy the bundle and the file of `edgekit runtime --pyz` there, and run the agent by hand.",
        )
    return opener(address)


def open_remote(text: str) -> RemoteDevice:
    """Open a device that keeps what is deployed to it.

    Raises:
        UserError: It is no address.
        DeviceError: Such a device keeps nothing, or the device cannot be reached.
    """
    from edgekit_devices.remote import RemoteDevice

    address = parse_address(text)
    transport = TRANSPORTS.get(address.scheme)
    if transport is None:
        raise DeviceError(
            f"{text}: nothing can be deployed to {address.scheme} devices; allowed: {', '.join(TRANSPORTS)}.",
            hint=f"Measure there: edgekit bench BUNDLE --device {text}",
        )
    return RemoteDevice(transport(address), sys.executable if address.scheme == "local" else "python3")


def _local(_: Address) -> Device:
    from edgekit_devices.local import LocalDevice

    return LocalDevice()


def _remote(address: Address) -> Device:
    from edgekit_devices.remote import RemoteDevice

    return RemoteDevice(TRANSPORTS[address.scheme](address))


def _emulated(address: Address) -> Device:
    from edgekit_devices.emulated.device import EmulatedDevice

    assert isinstance(address, EmulatedAddress)
    return EmulatedDevice(address.name)


def _local_transport(_: Address) -> Transport:
    from edgekit_devices.local_transport import LocalTransport

    return LocalTransport()


def _ssh_transport(address: Address) -> Transport:
    from edgekit_devices.ssh import SshTransport

    assert isinstance(address, SshAddress)
    return SshTransport(address)


DEVICES: Mapping[str, Callable[[Address], Device]] = {"local": _local, "ssh": _remote, "emulated": _emulated}
TRANSPORTS: Mapping[str, Callable[[Address], Transport]] = {"local": _local_transport, "ssh": _ssh_transport}
