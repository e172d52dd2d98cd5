"""Measure a bundle, or a bare model file, on a device."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from edgekit.inspecting import read_evaluation
from edgekit.metering import bench_metered
from edgekit.reports.report import Report, make_report
from edgekit_devices.address import Address, EmulatedAddress
from edgekit_devices.bench import bench_on
from edgekit_devices.catalog import find_device, open_device
from edgekit_devices.emulated.boards import find_board
from edgekit_runtime.bundle import Bundle, is_bundle, open_bundle
from edgekit_runtime.errors import UserError
from edgekit_runtime.progress import Progress, silent
from edgekit_runtime.record import BenchSettings, Record
from edgekit_targets.catalog import load_profile
from edgekit_targets.graph.read import read_graph
from edgekit_targets.profile import Profile
from edgekit_targets.read_profile import read_profile

BARE_TARGET = "host"


def bench(
    model: Path,
    *,
    device: str = "local",
    target: str | None = None,
    settings: BenchSettings | None = None,
    progress: Progress = silent,
    meter: Path | None = None,
    meter_offset_s: float = 0.0,
) -> Report:
    """Measure a model on a device, and hold the figures against its target's budgets.

    Args:
        model: A bundle, or a bare model file.
        device: The device's address, such as `local`, or its name in the fleet file.
        target: A target to hold the figures against, instead of the fleet file's or the bundle's own; an emulated board
            of another processor than the bundle's target is held against its own.
        settings: How to measure.
        progress: Told how far it is.
        meter: Log of an external power meter on this machine, which is still being written.
        meter_offset_s: What to add to the meter's times to have this machine's.

    Raises:
        UserError: The model, the address, the target or the meter's log is wrong.
        DeviceError: The device failed, or computes other outputs than the golden ones.
    """
    bundled = open_bundle(model) if is_bundle(model) or model.is_dir() else nullcontext()
    with bundled as bundle:
        named = find_device(device)
        profile = _profile(bundle, target or named.target, named.address)
        evaluation = read_evaluation(bundle) if bundle is not None else None
        settings = settings or BenchSettings()
        with open_device(device) as reached:
            if meter is None:
                record = bench_on(reached, model, settings, progress)
            else:
                record = bench_metered(reached, model, settings, progress, meter, meter_offset_s)
        record = _with_operators(record, model if bundle is None else bundle.model_path)
    return make_report(record, profile, evaluation)


def _with_operators(record: Record, model: Path) -> Record:
    """The record, with the number of operators beside what was counted; it stays unknown where the file is not read."""
    if record.counts is None:
        return record
    try:
        operators = len(read_graph(model).main.operators)
    except UserError:
        return record
    return replace(record, counts=replace(record.counts, operators=operators))


def _profile(bundle: Bundle | None, target: str | None, address: Address) -> Profile:
    if target is not None:
        return load_profile(target).profile
    own = None if bundle is None else read_profile(bundle.profile_path.read_bytes(), str(bundle.profile_path)).profile
    if isinstance(address, EmulatedAddress):  # from counts of one processor nothing is predicted for another
        board = load_profile(find_board(address.name).name).profile
        return own if own is not None and _processor(own) == _processor(board) else board
    return own or load_profile(BARE_TARGET).profile


def _processor(profile: Profile) -> str | None:
    return profile.cpu.model.value if profile.cpu.model else None
