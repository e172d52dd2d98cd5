"""A clock that wakes one waiting thread after a while, and costs whoever sets it no more than a call of the system."""

from __future__ import annotations

import ctypes
import os

CLOCK_MONOTONIC, CLOSE_ON_EXEC = 1, 0o2000000  # of Linux
NS_PER_S = 1_000_000_000


class _Spec(ctypes.Structure):
    """`struct itimerspec`: every so often, and for the first time after."""

    _fields_ = [
        ("every_s", ctypes.c_long),
        ("every_ns", ctypes.c_long),
        ("after_s", ctypes.c_long),
        ("after_ns", ctypes.c_long),
    ]


class Alarm:
    """Wakes whoever waits for it; where the system has no such timers, at once.

    A timer of the kernel: a thread that waits for a lock with a time limit would have to be woken to be told the limit.

    Args:
        timed: Whether to ask the system for a timer; else it rings at once.
    """

    def __init__(self, *, timed: bool = True) -> None:
        libc = ctypes.PyDLL(None)  # its calls are too short to let other threads run meanwhile
        self._timer = -1
        if timed and hasattr(libc, "timerfd_create"):
            self._timer = libc.timerfd_create(CLOCK_MONOTONIC, CLOSE_ON_EXEC)
            self._set_timer = libc.timerfd_settime
        self._wakes, self._rings = (-1, -1) if self._timer >= 0 else os.pipe()
        self._after_s = 0.0
        self._spec = _Spec()
        self._told = ctypes.byref(self._spec)

    def set(self, after_s: float) -> None:
        """Wake who waits, or who will wait next, after some seconds.

        Args:
            after_s: How many, above 0; what was set before, and did not ring yet, is forgotten.
        """
        if self._timer < 0:
            os.write(self._rings, b"\0")
            return
        if after_s != self._after_s:
            self._after_s = after_s
            self._spec.after_s, self._spec.after_ns = divmod(max(1, round(after_s * NS_PER_S)), NS_PER_S)
        self._set_timer(self._timer, 0, self._told, None)

    def wait(self) -> None:
        """Wait until it rings."""
        os.read(self._timer if self._timer >= 0 else self._wakes, 8)

    def close(self) -> None:
        """Give its descriptors back."""
        for descriptor in (self._timer, self._wakes, self._rings):
            if descriptor >= 0:
                os.close(descriptor)
