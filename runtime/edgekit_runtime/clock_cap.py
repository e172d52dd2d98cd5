"""Limiting the clock of all processors for a while, where this user may."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLICIES = "sys/devices/system/cpu/cpufreq/policy*"  # Linux, Documentation/admin-guide/pm/cpufreq.rst
LIMIT, STEPS, LOWEST, HIGHEST = (
    "scaling_max_freq",
    "scaling_available_frequencies",
    "cpuinfo_min_freq",
    "cpuinfo_max_freq",
)
KHZ_PER_MHZ = 1000
MOST = 3  # limits that are tried


class CapError(Exception):
    """The clock cannot be limited here; the text says why."""


class ClockCap:
    """The limits of a device's clocks.

    Args:
        root: Where sysfs begins.

    Raises:
        CapError: There are none, or this user may not set them.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._policies = sorted(root.glob(POLICIES))
        if not self._policies:
            raise CapError("left as it is: this system has no limits to set")
        locked = [policy for policy in self._policies if not os.access(policy / LIMIT, os.W_OK)]
        if locked:
            raise CapError(f"left as it is: only root may write {locked[0] / LIMIT}")

    def steps_mhz(self) -> tuple[float, ...]:
        """The lowest limit, the middle one and the highest that every processor takes, growing.

        Raises:
            CapError: The system does not tell them.
        """
        try:
            common = set.intersection(*(set(_steps(policy)) for policy in self._policies))
        except (OSError, ValueError) as error:
            raise CapError(f"left as it is: the limits cannot be read ({error})") from error
        steps = sorted(common)
        if len(steps) < 2:
            raise CapError("left as it is: the processors have no two limits in common")
        picked = {steps[0], steps[len(steps) // 2], steps[-1]}
        return tuple(step / KHZ_PER_MHZ for step in sorted(picked))[:MOST]

    @contextmanager
    def limited(self, cap_mhz: float) -> Iterator[None]:
        """Limit all clocks; leaving the block sets them back.

        Raises:
            CapError: A limit is refused.
        """
        before: list[tuple[Path, str]] = []
        try:
            for policy in self._policies:
                before.append((policy / LIMIT, (policy / LIMIT).read_text(encoding="ascii")))
                (policy / LIMIT).write_text(f"{cap_mhz * KHZ_PER_MHZ:.0f}\n", encoding="ascii")
            yield
        except OSError as error:
            raise CapError(f"{error.filename}: {os.strerror(error.errno or 0).lower()}") from error
        finally:
            for path, text in before:
                path.write_text(text, encoding="ascii")


def _steps(policy: Path) -> list[int]:
    steps = policy / STEPS
    if steps.exists():
        return [int(word) for word in steps.read_text(encoding="ascii").split()]
    low, high = (int((policy / name).read_text(encoding="ascii")) for name in (LOWEST, HIGHEST))
    return [low, (low + high) // 2, high]
