"""Words that the page and the table of an estimate share."""

from __future__ import annotations

from edgekit.reports.render.units import plain, unit_for
from edgekit_runtime.figure import Figure, Interval
from edgekit_targets.estimate.estimate import Estimate
from edgekit_targets.estimate.price import Price
from edgekit_targets.estimate.ranges import SHORT_MS

FIT_THEN = {"fits": "then it fits", "does not fit": "then it does not fit yet", "unknown": "then it may fit"}
ACCURACY = "What accuracy it costs, `edgekit convert` measures."
ORDER = f"under {SHORT_MS:g} ms only the order of magnitude is known"
MEMORY_UNCHECKED = "from models measured on an x86-64, not checked on such boards"


def fit_words(row: Estimate) -> str:
    """Why a model fits a target or does not, with the fix."""
    if not row.fix:
        return row.fit_reason
    return f"{row.fit_reason}. Fix: {row.fix}{'' if row.fix.endswith('.') else '.'}"


def price_words(price: Price) -> str:
    """What a fix takes, and whether the model fits then."""
    if not is_predicted(price):
        return f"{price.words}; what it costs then is not known: {price.fit_reason}"
    return f"{price.words}; {FIT_THEN[price.fit]}{f': {price.fit_reason}' if price.fit_reason else ''}"


def is_predicted(price: Price) -> bool:
    """Whether a price says what the model costs with the fix."""
    return price.latency_range_ms is not None or price.latency.available or price.memory.available


def ends(span: Interval, size: float) -> tuple[str, str]:
    """Both ends of a range, in a unit of that size."""
    return digits(span.low / size), digits(span.high / size)


def digits(value: float) -> str:
    """Two significant digits: ranges this wide bear out no more."""
    return f"{value:.2g}" if abs(value) < 100 else f"{float(f'{value:.2g}'):.0f}"


def in_bytes(size: float) -> str:
    """A number of bytes, in the unit that shows it with few digits."""
    unit = unit_for([Figure("predicted", "byte", float(size), "from shapes")])
    return f"{plain(round(size / unit.size, 2))} {unit.name}"
