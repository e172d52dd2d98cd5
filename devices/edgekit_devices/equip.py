"""Seeing to it that a device has an interpreter for a model."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from edgekit_devices.files import Sendable, send_files, sendable
from edgekit_devices.interpreters import choose_offer, minor_of, own_interpreter
from edgekit_devices.remote import RemoteDevice
from edgekit_devices.wheelhouse import fetch_wheels
from edgekit_runtime.progress import Progress, silent

INSTALL_S = 900.0


def equip(device: RemoteDevice, model_format: str, progress: Progress = silent) -> str:
    """Bring an interpreter there unless there is one, and let the device's `python` be one that has it.

    Args:
        device: The device.
        model_format: `tflite` or `onnx`.
        progress: Told of bytes.

    Returns:
        Name of its environment on the device; empty where the device's own Python has what it needs.

    Raises:
        DeviceError: No interpreter fits the device, it cannot be fetched, or there is no room for it.
    """
    info = device.probe()
    if own_interpreter(info, model_format) is not None:
        return ""
    offer = choose_offer(info, model_format, device.address)
    wheels = [sendable(path) for path in fetch_wheels(offer, info)]
    name = _environment_name(wheels, minor_of(info))
    python = device.session.call("environment", {"name": name})["python"]
    if python is None:
        python = _install(device, name, wheels, offer.interpreter, progress)
    device.python = str(python)
    return name


def _install(
    device: RemoteDevice, name: str, wheels: Sequence[Sendable], interpreter: str, progress: Progress
) -> object:
    send_files(device.session, {wheel.sha256: wheel for wheel in wheels}, f"send {interpreter}", progress)
    progress(f"install {interpreter}", 0, 0)
    asked = {"name": name, "wheels": [wheel.sha256 for wheel in wheels]}
    return device.session.call("install", asked, timeout_s=INSTALL_S)["python"]


def _environment_name(wheels: Sequence[Sendable], minor: int) -> str:
    text = "\n".join([str(minor), *sorted(wheel.sha256 for wheel in wheels)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
