"""An external power meter's log, joined with what ran when by its time stamps."""

from __future__ import annotations

import csv
import math
import os
import re
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Optional

from edgekit_runtime.errors import UserError
from edgekit_runtime.readings import EnergyReading, EnergyRun, PowerWindow
from edgekit_runtime.record import Record
from edgekit_runtime.sensors.sensor import SensorError, mean_power, reading_of

TIMES = ("timestamp", "time", "datetime", "date", "unix", "epoch", "t")
SECONDS = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
PREFIXES = {"": 1e3, "m": 1.0, "u": 1e-3, "µ": 1e-3}  # in mW, mV and mA
LATEST_S = 1e11  # in the year 5138: greater numbers are not of seconds
ALLOWED = (
    "a first line with a column of time, such as timestamp or time_ms, and one of power, such as power_mw or "
    "Power [W], or of voltage and current, such as voltage_v and current_ma"
)
MARGIN_S = 0.05  # at either end of a window: meters average over such a time
LEAST_SAMPLES = 3  # in a window
LATE_S = 10.0  # that a meter may be late in writing
MOST_BYTES = 1 << 30


class Sample(NamedTuple):
    """The power at one time.

    Attributes:
        at_s: Seconds since 1970, by the meter's clock.
        power_mw: The power.
    """

    at_s: float
    power_mw: float


class Columns(NamedTuple):
    """Which columns of a log are read.

    Attributes:
        time: The place of the time.
        time_factor: Seconds in one of its units; `None` for a date, or for the unit that its size tells.
        factors: Columns that are multiplied with each other, each with its factor to milliwatts, or to the
            roots of it.
    """

    time: int
    time_factor: Optional[float]
    factors: tuple[tuple[int, float], ...]


def read_meter(path: Path) -> tuple[Sample, ...]:
    """Read a meter's log, which may be empty still.

    Args:
        path: A CSV file: commas, semicolons or tabs.

    Raises:
        UserError: It cannot be read, or a line of it is not of the form that its first line tells.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"{path}: it is longer than {MOST_BYTES >> 30} GiB.", hint="Cut it to the time of the run.")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise UserError(f"{path}: the meter's log cannot be read: {reason}.", hint="Check the path.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: the meter's log is no text in UTF-8.") from error
    lines = text.splitlines()
    if text and not text.endswith("\n"):
        lines.pop()  # the meter is writing it
    if not lines:
        raise UserError(f"{path}: the meter's log has no first line; allowed: {ALLOWED}.")
    delimiter = max(",;\t", key=lines[0].count)
    columns = find_columns(next(csv.reader(lines[:1], delimiter=delimiter)), str(path))
    return tuple(_samples(path, lines, delimiter, columns))


def find_columns(names: Sequence[str], where: str) -> Columns:
    """Which columns hold time and power, by their names.

    Raises:
        UserError: There is none of the one or of the other.
    """
    words = [re.findall(r"[a-zµ]+", name.lower()) for name in names]
    times = [place for place, found in enumerate(words) if found and found[0] in TIMES]
    power = _factor(words, ("power", "p"), "w")
    voltage, current = _factor(words, ("voltage", "volt", "u", "v"), "v"), _factor(words, ("current", "i"), "a")
    if not times or (power is None and (voltage is None or current is None)):
        listed = ", ".join(names)[:80]
        raise UserError(f"{where}: its columns are {listed}; allowed: {ALLOWED}.", hint="Name the columns so.")
    unit = next((SECONDS[word] for word in words[times[0]][1:] if word in SECONDS), None)
    if power is not None:
        return Columns(times[0], unit, (power,))
    assert voltage is not None
    assert current is not None
    return Columns(times[0], unit, (voltage, (current[0], current[1] / 1e3)))


def join_meter(record: Record, path: Path, offset_s: float = 0.0, uncertainty_s: float = 0.0) -> Record:
    """A record with the energy that an external meter tells.

    Args:
        record: With the windows in which the device idled and ran.
        path: The meter's log, which may still be written.
        offset_s: What to add to the meter's times to have the device's.
        uncertainty_s: How far that may be off; so much more is left out at either end of a window.

    Raises:
        UserError: The log cannot be read.
    """
    last_s = max((window.end_s for window in record.windows), default=0.0)
    deadline_s = time.monotonic() + LATE_S
    samples = read_meter(path)
    while (not samples or samples[-1].at_s + offset_s < last_s) and time.monotonic() < deadline_s:
        time.sleep(0.5)
        samples = read_meter(path)
    return replace(record, energy=energy_of(record.windows, samples, path.name, offset_s, uncertainty_s))


def energy_of(
    windows: Sequence[PowerWindow], samples: Sequence[Sample], name: str, offset_s: float, uncertainty_s: float
) -> EnergyReading:
    """The energy of inferences by a meter's samples.

    Args:
        windows: When the device idled and ran, by its clock.
        samples: In the order of time, by the meter's clock.
        name: The log's name.
        offset_s: What to add to the meter's times to have the device's.
        uncertainty_s: How far that may be off.
    """
    if not windows:
        return EnergyReading(reason="nothing was noted for an external meter")
    times = [sample.at_s + offset_s for sample in samples]
    margin_s = MARGIN_S + uncertainty_s
    runs, counts = [], []
    try:
        for window in windows:
            idle = _inside(samples, times, window.idle_begin_s + margin_s, window.idle_end_s - margin_s)
            busy = _inside(samples, times, window.busy_begin_s + margin_s, window.end_s - margin_s)
            counts += [len(idle), len(busy)]
            runs.append(EnergyRun(_mean_mw(idle), _mean_mw(busy), window.inferences, window.elapsed_ns))
    except SensorError as error:
        return EnergyReading(reason=f"{name}: {error}{_span(times, windows)}")
    told = f"external meter {name}, {min(counts)} to {max(counts)} samples in a window"
    if offset_s or uncertainty_s:
        told += f", its clock set {offset_s:+.3f} s (± {uncertainty_s:.3f} s)"
    return EnergyReading(told, tuple(runs), 0.0)


def _inside(samples: Sequence[Sample], times: Sequence[float], begin_s: float, end_s: float) -> Sequence[Sample]:
    found = samples[bisect_left(times, begin_s) : bisect_right(times, end_s)]
    if len(found) < LEAST_SAMPLES:
        raise SensorError(f"{len(found)} samples lie in a window of {max(0.0, end_s - begin_s):.2f} s, too few")
    return found


def _mean_mw(samples: Sequence[Sample]) -> float:
    readings = [reading_of(sample.power_mw)._replace(time_ns=int(sample.at_s * 1e9)) for sample in samples]
    return mean_power(readings)


def _span(times: Sequence[float], windows: Sequence[PowerWindow]) -> str:
    """What may be wrong with the clocks."""
    if not times:
        return "; the log is empty"
    begin_s, end_s = windows[0].idle_begin_s, windows[-1].end_s
    if times[0] <= begin_s and times[-1] >= end_s:
        return "; let the meter sample more often, or give --energy more seconds"
    early, late = begin_s - times[0], times[-1] - end_s
    return (
        f"; the log begins {abs(early):.1f} s {'before' if early > 0 else 'after'} the first window and ends "
        f"{abs(late):.1f} s {'after' if late > 0 else 'before'} the last one: check the clocks, or give --meter-offset"
    )


def _factor(words: Sequence[Sequence[str]], names: Sequence[str], unit: str) -> Optional[tuple[int, float]]:
    """The first column that is called one of the names and tells its unit, with the factor to thousandths of it."""
    units: Mapping[str, float] = {prefix + unit: factor for prefix, factor in PREFIXES.items()}
    for place, found in enumerate(words):
        factor = next((units[word] for word in found[1:] if word in units), None)
        if found and found[0] in names and factor is not None:
            return place, factor
    return None


def _samples(path: Path, lines: Sequence[str], delimiter: str, columns: Columns) -> Iterator[Sample]:
    before_s = -math.inf
    for number, cells in enumerate(csv.reader(lines[1:], delimiter=delimiter), start=2):
        if not cells:
            continue
        try:
            at_s = _seconds(cells[columns.time], columns.time_factor)
            power_mw = math.prod(float(cells[place]) * factor for place, factor in columns.factors)
        except (ValueError, IndexError, OverflowError) as error:
            raise UserError(f"{path}, line {number}: it is not of the form that the first line tells.") from error
        if not (math.isfinite(power_mw) and at_s >= before_s):
            raise UserError(f"{path}, line {number}: its time goes back, or its power is no number.")
        before_s = at_s
        yield Sample(at_s, power_mw)


def _seconds(text: str, factor: Optional[float]) -> float:
    """Seconds since 1970 of a number, or of a date in the form of ISO 8601; without a zone it is local time."""
    text = text.strip()
    try:
        value = float(text)
    except ValueError:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    if not math.isfinite(value):
        raise ValueError(text)
    if factor is not None:
        return value * factor
    # Without a unit: since 1970 in s, ms, µs or ns, by its size.
    scale = next((scale for scale in (1.0, 1e-3, 1e-6) if value * scale < LATEST_S), 1e-9)
    return value * scale
