"""What a longer time without a rest comes to: drift, memory, throttling."""

from __future__ import annotations

from edgekit_runtime.conditions import NOW, throttle_words
from edgekit_runtime.figure import Figure, Interval, measured, unavailable
from edgekit_runtime.series import Bucket, Sustained
from edgekit_runtime.stats import ratio_interval

PARTS = 3  # of the time; the last is held against the first
LEAST_IN_PART = 3


def drift(found: Sustained) -> Figure:
    """How much longer an inference takes in the last third of the time than in the first.

    The interval is between the buckets' medians, which are not quite independent of each other.
    """
    if found.reason:
        return unavailable("share", found.reason)
    size = len(found.buckets) // PARTS
    if size < LEAST_IN_PART:
        return unavailable("share", f"{found.elapsed_s:.0f} s are too short to tell; give --sustain 60s or more")
    first, last = found.buckets[:size], found.buckets[-size:]
    ratio, interval = ratio_interval([b.p50_ns for b in last], [b.p50_ns for b in first])
    method = (
        f"median latency of the last third of {found.elapsed_s:.0f} s without a rest over that of the first, less 1; "
        f"Welch's interval between {size} parts of each; inferences took {found.inferring_share:.1%} of the time"
    )
    return measured(ratio - 1, "share", method, Interval(interval.low - 1, interval.high - 1))


def growth(found: Sustained) -> Figure:
    """How much resident memory grew from the end of the first bucket to the end of the last."""
    if found.reason:
        return unavailable("byte", found.reason)
    sizes = [bucket.rss_bytes for bucket in found.buckets if bucket.rss_bytes is not None]
    if len(sizes) < 2:
        return unavailable("byte", "the system does not tell the memory of a process, or the time was too short")
    count = sum(bucket.inferences for bucket in found.buckets[1:])
    method = f"resident memory after {found.elapsed_s:.0f} s and {count} further inferences, less that at the beginning"
    return measured(sizes[-1] - sizes[0], "byte", method)


def sustained_words(found: Sustained) -> str:
    """Whether the device kept its pace, in a line."""
    if found.reason:
        return found.reason
    parts = [f"{found.elapsed_s:.0f} s", _pace(drift(found))]
    temperatures = [bucket.temperature_c for bucket in found.buckets if bucket.temperature_c is not None]
    if temperatures:
        parts.append(f"{temperatures[0]:.0f} to {max(temperatures):.0f} °C")
    clocks = [bucket.clock_mhz for bucket in found.buckets if bucket.clock_mhz is not None]
    if clocks:
        parts.append(f"{min(clocks):.0f} to {max(clocks):.0f} MHz")
    return ", ".join([*parts, _throttled(found.buckets)])


def _pace(change: Figure) -> str:
    if change.value is None or change.interval is None:
        return "too short to tell a drift"
    low, high = change.interval.low, change.interval.high
    ends = f"{abs(change.value):.1%} (95 %: {low:+.1%} to {high:+.1%})"
    if low > 0:
        return f"slows down by {ends}"
    return f"speeds up by {ends}" if high < 0 else f"keeps its pace within {max(-low, high):.1%}"


def _throttled(buckets: tuple[Bucket, ...]) -> str:
    known = [bucket for bucket in buckets if bucket.throttle_bits is not None]
    if not known:
        return "throttling unknown"
    held = next((bucket for bucket in known if (bucket.throttle_bits or 0) & NOW), None)
    if held is None:
        return "not throttled"
    return f"throttled from {held.begin_s:.0f} s on ({throttle_words((held.throttle_bits or 0) & NOW)})"
