"""Fit a profile to a device: micro-benchmarks there, and a profile whose figures were measured."""

from __future__ import annotations

import datetime
import json
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit.calibration_doubts import doubts_of
from edgekit_devices.address import EmulatedAddress
from edgekit_devices.bench import bench_on
from edgekit_devices.catalog import find_device, open_device
from edgekit_devices.device import Device, last_line
from edgekit_runtime.errors import DeviceError, OutputError, UserError
from edgekit_runtime.progress import Progress, silent
from edgekit_runtime.record import BenchSettings, Environment, Record
from edgekit_runtime.runs import CLOCK_FILE
from edgekit_runtime.summary import figures
from edgekit_targets.catalog import load_profile, load_profiles
from edgekit_targets.estimate.micro import COPIED_BYTES, MICROS, OVERHEAD_LENGTH, overhead_chain
from edgekit_targets.profile import LoadedProfile, Profile

SETTINGS = BenchSettings(energy_s=0.0, max_runs=10)
SOURCE = "calibrated"
OVERHEAD = "operator_overhead_us"
ANY_BOARD = "host"
NS_PER_S, NS_PER_US, HZ_PER_MHZ, BYTES_PER_KIB = 1e9, 1e3, 1e6, 1024
COPY_TIMEOUT_S = 60.0
# Runs on the device's Python, as the next does: kHz, or nothing.
CLOCK = f"""
try:
    print(open({"/" + CLOCK_FILE!r}).read())
except OSError:
    pass
"""
# The fastest of some copies, in bytes a second.
COPY = f"""
import json, time
source, target = bytearray({COPIED_BYTES}), memoryview(bytearray({COPIED_BYTES}))
taken = []
for _ in range(9):
    began = time.perf_counter()
    target[:] = source
    taken.append(time.perf_counter() - began)
print(json.dumps({COPIED_BYTES} / min(taken[1:])))
"""


@dataclass(frozen=True)
class Calibration:
    """A profile that was fitted to a device.

    Attributes:
        path: Where it was written.
        extends: The profile that it builds on.
        loaded: What the two say together.
        doubts: What the figures contradict: each other, the device's own word, or the profile below.
    """

    path: Path
    extends: str
    loaded: LoadedProfile
    doubts: tuple[str, ...] = ()


def calibrate(
    name: str,
    *,
    device: str,
    output: Path | None = None,
    extends: str | None = None,
    clock_mhz: float | None = None,
    progress: Progress = silent,
) -> Calibration:
    """Measure a device by micro-benchmarks, and write a profile of it.

    Args:
        name: The profile's name.
        device: The device's address.
        output: The `.toml` file; `NAME.toml` by default.
        extends: The profile to build on; by default that of the device's board, or `host`.
        clock_mhz: The clock of its cores, where the device does not tell it.
        progress: Told how far it is.

    Raises:
        UserError: The name, the address, the clock or the profile to build on is wrong.
        DeviceError: The device fails, is emulated, or does not tell its clock.
        OutputError: The file cannot be written.
    """
    path = output if output is not None else Path(f"{name}.toml")
    if not name or path.suffix != ".toml":
        raise UserError(f"The profile {name!r} cannot go to {path}; allowed: a name, and a .toml file.")
    if clock_mhz is not None and not 0 < clock_mhz < math.inf:
        raise UserError(f"clock_mhz is {clock_mhz:g}; allowed: above 0.")
    if not path.parent.is_dir():
        raise OutputError(f"{path.parent}: no such folder.")
    if extends is not None:
        load_profile(extends)
    _check_kind(device)
    with open_device(device) as reached:
        if clock_mhz is None:
            _check_clock(reached, device)
        records = _measure(reached, progress)
        copied = _copy(reached)
    base = extends or _base(records[0].environment)
    clock = _clock(records, clock_mhz, device)
    speeds = _speeds(records, clock)
    doubts = doubts_of(load_profile(base).profile, records, speeds, clock, copied / HZ_PER_MHZ)
    _write(_tree(name, base, records, speeds, clock, copied), path)
    return Calibration(path, base, load_profile(str(path)), doubts)


def _check_kind(device: str) -> None:
    """Refuse a board that is emulated before it is made ready: its times are none of a board."""
    if isinstance(find_device(device).address, EmulatedAddress):
        raise DeviceError(
            f"{device}: an emulated board has no speeds to measure.",
            hint="Name a board itself, such as ssh://pi@board.",
        )


def _check_clock(device: Device, address: str) -> None:
    """Ask for the clock before minutes are spent that are lost without it."""
    done = device.run((device.python, "-c", CLOCK), timeout_s=COPY_TIMEOUT_S)
    if not done.stdout.strip().isdigit():
        raise _no_clock(address)


def _no_clock(address: str) -> DeviceError:
    return DeviceError(f"{address}: it does not tell the clock of its cores.", hint="Name it with --clock-mhz.")


def _measure(device: Device, progress: Progress) -> tuple[Record, ...]:
    """A record of each micro-benchmark, the one of the overhead last."""
    from edgekit_targets.graph.tflite_write import write_chain

    chains = [*(micro.chain() for micro in MICROS), overhead_chain()]
    records = []
    with tempfile.TemporaryDirectory(prefix="edgekit-calibrate-") as folder:
        for number, chain in enumerate(chains):
            progress("micro-benchmarks", number, len(chains))
            model = Path(folder, f"micro-{number}.tflite")
            model.write_bytes(write_chain(chain))
            records.append(bench_on(device, model, SETTINGS))
    progress("micro-benchmarks", len(chains), len(chains))
    return tuple(records)


def _copy(device: Device) -> float:
    """Bytes that one core copies in a second."""
    done = device.run((device.python, "-c", COPY), timeout_s=COPY_TIMEOUT_S)
    try:
        return float(json.loads(done.stdout))
    except (ValueError, TypeError) as error:
        raise DeviceError(f"{device.address}: memory was not measured: {last_line(done.stderr)}") from error


def _base(environment: Environment) -> str:
    board = environment.board.value or ""
    matching = [loaded.profile.name for loaded in load_profiles() if _of_board(loaded.profile, board)]
    return matching[0] if matching else ANY_BOARD


def _of_board(profile: Profile, board: str) -> bool:
    return bool(board) and any(board.startswith(beginning) for beginning in profile.boards)


def _clock(records: tuple[Record, ...], told: float | None, device: str) -> float:
    clocks = [run.clock_mhz for record in records for run in record.runs if run.clock_mhz is not None]
    if told is not None:
        return told
    if not clocks:
        raise _no_clock(device)
    return max(clocks)


def _latency_ns(record: Record) -> float:
    figure = next(named.figure for named in figures(record) if named.name == "latency_p50")
    if figure.value is None:
        raise DeviceError(f"the device cannot be calibrated: {figure.reason}.")
    return figure.value


def _speeds(records: tuple[Record, ...], clock_mhz: float) -> dict[str, float]:
    """The figures of `cpu.speed`, by name."""
    per_cycle = NS_PER_S / (clock_mhz * HZ_PER_MHZ)  # ns in a cycle
    speeds = {
        micro.figure: round(micro.macs * per_cycle / _latency_ns(record), 3)
        for micro, record in zip(MICROS, records, strict=False)
    }
    return {**speeds, OVERHEAD: round(_latency_ns(records[-1]) / OVERHEAD_LENGTH / NS_PER_US, 4)}


def _tree(
    name: str, base: str, records: tuple[Record, ...], speeds: dict[str, float], clock_mhz: float, copied: float
) -> dict[str, Any]:
    environment = records[0].environment
    board = environment.board.value or environment.cpu.value or environment.machine
    speed = {figure: _sourced(value) for figure, value in speeds.items()}
    cpu: dict[str, Any] = {"clock_mhz": _sourced(clock_mhz), "cores": _sourced(environment.cores), "speed": speed}
    cpu["isa"] = _sourced(environment.machine)
    if base == ANY_BOARD:
        cpu["model"] = _sourced((environment.cpu.value or environment.machine).removeprefix("ARM "))
    memory = {"bandwidth_mb_s": _sourced(round(copied / HZ_PER_MHZ))}
    if environment.memory_bytes.value is not None:
        memory["ram_kib"] = _sourced(int(environment.memory_bytes.value / BYTES_PER_KIB))
    return {
        "schema": Profile.SCHEMA,
        "version": Profile.VERSION,
        "extends": base,
        "name": name,
        "summary": f"{board}, measured",
        "cpu": cpu,
        "memory": memory,
        "sources": {SOURCE: _citation(records, board)},
    }


def _citation(records: tuple[Record, ...], board: str) -> str:
    environment = records[0].environment
    today = datetime.datetime.now(tz=datetime.UTC).date()
    runs = min(len(record.runs) for record in records)
    with_ = f"{environment.interpreter}, {environment.kernels} kernels"
    return f"edgekit targets calibrate on {board}, {today}: {with_}, 1 thread, median of {runs} processes or more"


def _sourced(value: float | str) -> dict[str, Any]:
    return {"value": value, "source": SOURCE, "confidence": "verified"}


def _write(tree: dict[str, Any], path: Path) -> None:
    import tomli_w

    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(tomli_w.dumps(tree), encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: the profile cannot be written: {error.strerror or error}.") from error
    finally:
        partial.unlink(missing_ok=True)
