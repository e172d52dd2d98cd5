"""The conditions that a device measured in, in one line."""

from __future__ import annotations

from edgekit_runtime.conditions import throttle_words
from edgekit_runtime.record import Record


def conditions_text(record: Record) -> str:
    """Governor, clock while inferring, temperature before and after, throttling; and which of them are not known."""
    known = {
        "governor": _governor(record),
        "clock": _clock(record),
        "temperature": _temperature(record),
        "throttling": _throttling(record),
    }
    told = [text for text in known.values() if text]
    missing = [name for name, text in known.items() if not text]
    if missing:
        told.append(f"unknown: {', '.join(missing)} (reasons in the report's file)")
    return "; ".join(told)


def _governor(record: Record) -> str:
    governor = record.before.governor.value
    return "" if governor is None else f"governor {governor}"


def _clock(record: Record) -> str:
    clocks = [run.clock_mhz for run in record.runs if run.clock_mhz is not None]
    if not clocks:
        return ""
    low, high = f"{min(clocks):.0f}", f"{max(clocks):.0f}"
    return f"{low} MHz while inferring" if low == high else f"{low} to {high} MHz while inferring"


def _temperature(record: Record) -> str:
    before, after = record.before.temperature_c.value, record.after.temperature_c.value
    return "" if before is None or after is None else f"{before:.0f} °C before, {after:.0f} °C after"


def _throttling(record: Record) -> str:
    if record.invalid():
        return record.invalid()
    bits = record.after.throttling.bits
    return "" if bits is None else f"throttled: {throttle_words(bits)}"
