"""Words that the page and the table of an estimate share."""

from __future__ import annotations

from edgekit.reports.render.units import plain, unit_for
from edgekit_runtime.figure import Figure, Interval
from edgekit_targets.estimate.estimate import Estimate
from edgekit_targets.estimate.ranges import SHORT_MS

ORDER = f"under {SHORT_MS:g} ms only the order of magnitude is known"
MEMORY_UNCHECKED = "from models measured on an x86-64, not checked on such boards"


def fit_words(row: Estimate) -> str:
    """Why a model fits a target or does not, with the fix."""
    fix = f" Fix: {row.fix}" if row.fix else ""
    return f"{row.fit_reason}{'.' if fix else ''}{fix}"


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
