"""Measuring a bundle on a device: by the agent that is brought there."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from edgekit_devices.answers import agent_error
from edgekit_devices.device import Completed, Device
from edgekit_devices.emulated.device import EmulatedDevice
from edgekit_devices.equip import equip
from edgekit_devices.package import build_runtime
from edgekit_devices.remote import RemoteDevice
from edgekit_runtime.agent import settings_arguments
from edgekit_runtime.bench import time_limit_s
from edgekit_runtime.bundle import is_bundle, open_bundle
from edgekit_runtime.codec import FormatError, loads_document
from edgekit_runtime.errors import DeviceError, ModelError
from edgekit_runtime.interpreter import detect_format
from edgekit_runtime.progress import Progress, parse_progress, silent
from edgekit_runtime.record import Record
from edgekit_runtime.runs import BenchSettings

RUNTIME_FILE = "edgekit-runtime.pyz"
START_S = 60.0  # for the agent itself, beside its measuring processes
DEFAULTS = BenchSettings()


def bench_on(device: Device, bundle: Path, settings: BenchSettings = DEFAULTS, progress: Progress = silent) -> Record:
    """Check a bundle's golden outputs on a device, then measure it there.

    Args:
        device: Where.
        bundle: A bundle, or a bare model file.
        settings: How to measure.
        progress: Told of each process on the device.

    Raises:
        BundleError: The bundle is damaged.
        ModelError: There is no such model, or the device's interpreter refuses it, dies of it,
            or does not come back in time.
        DeviceError: The device fails, or its outputs differ from the golden ones.
    """
    if not bundle.exists():
        raise ModelError(f"{bundle}: no such file or folder.", hint="Check the path.")
    if isinstance(device, RemoteDevice):
        equip(device, model_format(bundle), progress)
    if isinstance(device, EmulatedDevice):
        device.build(progress)
    with tempfile.TemporaryDirectory(prefix="edgekit-runtime-") as folder:
        runtime = device.push(build_runtime(Path(folder) / RUNTIME_FILE), RUNTIME_FILE)
        model = device.push(bundle, bundle.name)
        argv = (device.python, runtime, "bench", "--json", *settings_arguments(settings), model)
        timeout_s = START_S + time_limit_s(settings)
        completed = device.run(argv, timeout_s=timeout_s, on_stderr=_listener(progress))
        if completed.status != 0:
            raise agent_error(device.address, completed, model, str(bundle))
    return _record(device, completed)


def model_format(bundle: Path) -> str:
    """The format of a bundle, or of a bare model file: `tflite` or `onnx`.

    Raises:
        BundleError: The bundle is damaged.
        ModelError: It is neither.
    """
    if is_bundle(bundle):
        with open_bundle(bundle) as opened:
            return opened.manifest.format
    return detect_format(bundle)


def _listener(progress: Progress) -> Callable[[str], None]:
    def listen(line: str) -> None:
        told = parse_progress(line)
        if told is not None:
            progress(*told)

    return listen


def _record(device: Device, completed: Completed) -> Record:
    try:
        return loads_document(Record, completed.stdout)
    except FormatError as error:
        raise DeviceError(f"{device.address}: the agent's answer cannot be read: {error}.") from error
