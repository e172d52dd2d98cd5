"""Measuring on a device while an external power meter writes its log here."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from edgekit_devices.bench import bench_on
from edgekit_devices.device import Device
from edgekit_runtime.errors import DeviceError
from edgekit_runtime.meter import join_meter, read_meter
from edgekit_runtime.progress import Progress
from edgekit_runtime.record import BenchSettings, Record

CLOCK = "import time; print(repr(time.time()))"
ASKED, TIMEOUT_S = 5, 60.0
LOCAL = "local"


def bench_metered(
    device: Device, model: Path, settings: BenchSettings, progress: Progress, meter: Path, offset_s: float
) -> Record:
    """Measure on a device, and take the energy from a meter's log.

    Args:
        device: Where to measure.
        model: A bundle, or a bare model file.
        settings: How to measure, with windows for the meter.
        progress: Told how far it is.
        meter: The log, on this machine.
        offset_s: What to add to the meter's times to have this machine's.

    Raises:
        UserError: The model or the log is wrong.
        DeviceError: The device failed, or computes other outputs than the golden ones.
    """
    read_meter(meter)  # what is wrong with it shows before anything is measured
    record = bench_on(device, model, settings, progress)
    ahead_s, uncertainty_s = (0.0, 0.0) if device.address == LOCAL else clock_ahead(device)
    return join_meter(record, meter, offset_s + ahead_s, uncertainty_s)


def clock_ahead(device: Device, clock: Callable[[], float] = time.time) -> tuple[float, float]:
    """How many seconds a device's clock is ahead of this machine's, and how far that may be off.

    The device told its time somewhere between the question and the answer; of several answers the
    fastest tells most.

    Raises:
        DeviceError: It does not tell its time.
    """
    found = []
    for _ in range(ASKED):
        asked_s = clock()
        completed = device.run((device.python, "-c", CLOCK), timeout_s=TIMEOUT_S)
        answered_s = clock()
        try:
            told_s = float(completed.stdout.split()[-1])
        except (ValueError, IndexError) as error:
            raise DeviceError(f"{device.address}: it does not tell its time.") from error
        found.append((answered_s - asked_s, told_s - (asked_s + answered_s) / 2))
    took_s, ahead_s = min(found)
    return ahead_s, took_s / 2
