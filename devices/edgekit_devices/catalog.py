"""From an address to its device."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edgekit_devices.address import Address, parse_address
from edgekit_devices.device import Device
from edgekit_runtime.errors import DeviceError


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


def _local(_: Address) -> Device:
    from edgekit_devices.local import LocalDevice

    return LocalDevice()


DEVICES: Mapping[str, Callable[[Address], Device]] = {"local": _local}
