"""Look up devices, and measure on all of the fleet side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from edgekit.benching import bench
from edgekit.reports.report import Report, write_report
from edgekit_devices.catalog import open_device
from edgekit_devices.device import DeviceInfo
from edgekit_devices.fleet import FleetEntry, fleet_path, load_fleet
from edgekit_devices.interpreters import offers_for, own_interpreter
from edgekit_runtime.errors import EdgekitError, OutputError, UserError
from edgekit_runtime.progress import Progress
from edgekit_runtime.record import BenchSettings

FORMATS = ("tflite", "onnx")
EXAMPLE = 'Write one: [devices.kitchen] and address = "ssh://pi@kitchen.local"'


@dataclass(frozen=True)
class Probe:
    """What a device is, and what can run models there.

    Attributes:
        device: As the user named it.
        info: What it says of itself.
        interpreters: For each format of models: what it has, or what would be brought; empty where nothing fits.
    """

    device: str
    info: DeviceInfo
    interpreters: Mapping[str, str]


@dataclass(frozen=True)
class Outcome:
    """What measuring on one device of the fleet gave: a report, or the error.

    Attributes:
        name: The device's name.
        report: The report; `None` where it failed.
        path: The report's file; `None` where it failed.
        error: What went wrong; `None` where nothing did.
    """

    name: str
    report: Report | None = None
    path: Path | None = None
    error: EdgekitError | None = None


def devices() -> Mapping[str, FleetEntry]:
    """The devices of the fleet file by their names; none without a file.

    The file is the one that EDGEKIT_FLEET names, else `fleet.toml` in this folder, else in the user's
    configuration (`~/.config/edgekit/fleet.toml`).

    Raises:
        UserError: The file has faults.
    """
    return load_fleet()


def probe(device: str) -> Probe:
    """Ask a device what it is, and find out which interpreters it has or can have.

    Raises:
        UserError: It is no address, and no name of the fleet file.
        DeviceError: It cannot be reached, or has no Python that will do.
    """
    with open_device(device) as reached:
        info = reached.probe()
    return Probe(device, info, {form: _interpreter(info, form) for form in FORMATS})


def bench_fleet(
    model: Path,
    folder: Path,
    *,
    settings: BenchSettings | None = None,
    target: str | None = None,
    progress_of: Callable[[str], Progress],
) -> tuple[Outcome, ...]:
    """Measure a model on every device of the fleet, side by side; one that fails does not stop the others.

    Args:
        model: A bundle, or a bare model file.
        folder: Where the reports go, each under its device's name.
        settings: How to measure.
        target: A target to hold all figures against, instead of each device's own.
        progress_of: Gives the progress of a device, by its name.

    Raises:
        UserError: There is no fleet file, it names no device, or it has faults.
        OutputError: The folder cannot be made.
    """
    names = _names()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made: {error.strerror}.", hint="Choose another with -o.") from error

    def measure(name: str) -> Outcome:
        try:
            report = bench(model, device=name, target=target, settings=settings, progress=progress_of(name))
            write_report(report, folder / f"{name}.json")
        except EdgekitError as error:
            return Outcome(name, error=error)
        return Outcome(name, report, folder / f"{name}.json")

    with ThreadPoolExecutor(len(names)) as pool:
        return tuple(pool.map(measure, names))


def _names() -> Sequence[str]:
    path = fleet_path()
    if path is None:
        raise UserError("There is no fleet.toml, here or in ~/.config/edgekit.", hint=EXAMPLE)
    names = list(load_fleet())
    if not names:
        raise UserError(f"{path}: it names no device.", hint=EXAMPLE)
    return names


def _interpreter(info: DeviceInfo, model_format: str) -> str:
    own = own_interpreter(info, model_format)
    if own is not None:
        return f"{own}, installed"
    return next(
        (
            f"{offer.requirements[0].replace('==', ' ')}, brought"
            for offer in offers_for(info)
            if offer.format == model_format
        ),
        "",
    )
