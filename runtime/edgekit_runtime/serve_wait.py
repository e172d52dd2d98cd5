"""Waiting for what clients send: awake for a moment where they came back at once before, else asleep."""

from __future__ import annotations

import selectors
import time
from typing import Callable, Protocol

from edgekit_runtime.pinning import usable_cores

Event = tuple[selectors.SelectorKey, int]
# A client that asks again as soon as it has its answer is back within less, and to be woken for it would take about as
# long: a processor that sleeps, or whose core another program had meanwhile, begins with cold caches, too.
AWAKE_S = 0.00025


class Selector(Protocol):
    """Tells which files have something to read or room to write."""

    def select(self, timeout: float | None = None, /) -> list[Event]:
        """The events there are, or the first that come within some seconds."""


class Wait:
    """Waits for events, the first moment of it awake where those before came within as much.

    A client that takes its time costs one such moment, and no more until one is back at once again.

    Args:
        selector: What to ask.
        cores: Those that this process may use: with one alone, a client on the same machine could not go on meanwhile.
        clock_s: Seconds that only rise.
    """

    def __init__(
        self, selector: Selector, cores: int | None = None, clock_s: Callable[[], float] = time.perf_counter
    ) -> None:
        self._selector, self._clock_s = selector, clock_s
        self._may_stay_awake = (usable_cores() if cores is None else cores) > 1
        self._awake = False

    def select(self, timeout_s: float) -> list[Event]:
        """The events there are, or the first that come.

        Args:
            timeout_s: How long to wait at most, beside the moment awake.
        """
        latest_s = self._clock_s() + AWAKE_S
        while self._awake and self._clock_s() < latest_s:
            events = self._selector.select(0)
            if events:
                return events
        events = self._selector.select(timeout_s)
        self._awake = self._may_stay_awake and bool(events) and self._clock_s() < latest_s
        return events
