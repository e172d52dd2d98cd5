"""Limits and governors of all processors' clocks, set for a while where this user may."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Callable, NamedTuple, Optional, TypeVar

from edgekit_runtime.put_back import put_back

POLICIES = "sys/devices/system/cpu/cpufreq/policy*"  # Linux, Documentation/admin-guide/pm/cpufreq.rst
LIMIT, GOVERNOR = "scaling_max_freq", "scaling_governor"
STEPS, GOVERNORS = "scaling_available_frequencies", "scaling_available_governors"
LOWEST, HIGHEST = "cpuinfo_min_freq", "cpuinfo_max_freq"
POWERSAVE = "powersave"
# Those that set the clock by themselves, so without `userspace`.
TRIED = ("performance", "schedutil", "ondemand", "conservative", POWERSAVE)
KHZ_PER_MHZ = 1000
MOST_LIMITS = 3  # that are tried
MOST_SETTINGS = MOST_LIMITS + len(TRIED)


class ClockError(Exception):
    """The clock cannot be set here; the text says why."""


class ClockSetting(NamedTuple):
    """How the clock is to be set.

    Attributes:
        cap_mhz: Its limit; `None` leaves it as it was found.
        governor: What sets it below that; empty leaves it as it was found.
    """

    cap_mhz: Optional[float] = None
    governor: str = ""


AS_FOUND = ClockSetting()
T = TypeVar("T")


class Clocks:
    """The settings of a device's clocks.

    Args:
        root: Where sysfs begins.

    Attributes:
        caps: The lowest limit, the middle one and the highest that every processor takes, growing; none where they
            cannot be set.
        caps_by: What that means for the user, or why there are none.
        governors: Those that every processor has beside the one that it runs under; none where they cannot be set.
        governors_by: Likewise.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._policies = sorted(root.glob(POLICIES))
        self.caps: tuple[float, ...] = ()
        self.governors: tuple[str, ...] = ()
        try:
            self.caps = self._find_caps()
            self.caps_by = f"limited to {', '.join(f'{cap:.0f}' for cap in self.caps)} MHz in turn, and set back"
        except ClockError as error:
            self.caps_by = f"left as it is: {error}"
        try:
            self.governors = self._find_governors()
            self.governors_by = f"{', '.join(self.governors)} tried without a limit, and set back"
        except ClockError as error:
            self.governors_by = f"left as it is: {error}"

    def settings(self) -> tuple[ClockSetting, ...]:
        """All that are tried: each limit under the governor of now, then each other governor without a limit."""
        limits = [ClockSetting(cap_mhz=cap) for cap in self.caps] or [AS_FOUND]
        return (*limits, *(ClockSetting(governor=name) for name in self.governors))

    @contextmanager
    def held(self) -> Iterator[Callable[[ClockSetting], None]]:
        """A function that sets all clocks; after the block they are as before, even if this process is killed in it.

        Raises:
            ClockError: A setting is refused, or cannot be set back.
        """
        names = [name for name, tried in ((GOVERNOR, self.governors), (LIMIT, self.caps)) if tried]
        files = [policy / name for policy in self._policies for name in names]
        with ExitStack() as changed:
            with _told():
                found = {path: path.read_text(encoding="ascii") for path in files}
                changed.enter_context(_told())
                if files:
                    changed.enter_context(put_back(files))
            yield lambda setting: _set(found, setting)

    def _find_caps(self) -> tuple[float, ...]:
        self._require(LIMIT)
        steps = sorted(_common(self._policies, _steps))
        if len(steps) < 2:
            raise ClockError("the processors have no two limits in common")
        picked = {steps[0], steps[len(steps) // 2], steps[-1]}
        return tuple(step / KHZ_PER_MHZ for step in sorted(picked))[:MOST_LIMITS]

    def _find_governors(self) -> tuple[str, ...]:
        self._require(GOVERNOR)
        known = _common(self._policies, lambda policy: _words(policy / GOVERNORS))
        now = [(policy / GOVERNOR).read_text(encoding="ascii").strip() for policy in self._policies]
        if self.caps and any((policy / STEPS).exists() for policy in self._policies):
            known.discard(POWERSAVE)  # it keeps the lowest clock, as the lowest limit does
        others = tuple(name for name in TRIED if name in known and set(now) != {name})
        if not others:
            raise ClockError("the processors have no other one in common")
        return others

    def _require(self, name: str) -> None:
        if not any((policy / name).exists() for policy in self._policies):
            raise ClockError(f"this system has no {name} to set")
        locked = [policy / name for policy in self._policies if not os.access(policy / name, os.W_OK)]
        if locked:
            raise ClockError(f"only root may write {locked[0]}")


def _set(found: Mapping[Path, str], setting: ClockSetting) -> None:
    with _told():
        for path, text in found.items():
            limit = text if setting.cap_mhz is None else f"{setting.cap_mhz * KHZ_PER_MHZ:.0f}\n"
            path.write_text(limit if path.name == LIMIT else setting.governor or text, encoding="ascii")


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ClockError(f"{error.filename}: {os.strerror(error.errno or 0).lower()}") from error


def _common(policies: Sequence[Path], read: Callable[[Path], set[T]]) -> set[T]:
    try:
        return set.intersection(*map(read, policies))
    except (OSError, ValueError) as error:
        raise ClockError(f"what can be set cannot be read ({error})") from error


def _words(path: Path) -> set[str]:
    return set(path.read_text(encoding="ascii").split())


def _steps(policy: Path) -> set[int]:
    if (policy / STEPS).exists():
        return set(map(int, _words(policy / STEPS)))
    low, high = (int((policy / name).read_text(encoding="ascii")) for name in (LOWEST, HIGHEST))
    return {low, (low + high) // 2, high}
