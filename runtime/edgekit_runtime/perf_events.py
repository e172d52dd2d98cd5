"""The processor's own counters, through the system call perf_event_open, which the C library does not wrap."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Sequence
from typing import NamedTuple

from edgekit_runtime.errors import ModelError

# Numbers of the call: Linux, arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h,
# arch/arm/tools/syscall.tbl.
CALLS = {"x86_64": 298, "aarch64": 241, "arm64": 241, "armv7l": 364, "armv6l": 364, "riscv64": 241}
# Places in struct perf_event_attr, PERF_ATTR_SIZE_VER1: type, size, config, ..., flags; include/uapi/linux/perf_event.h
ATTRIBUTES = struct.Struct("=IIQQQQQIIQ")
ATTRIBUTE_BYTES = 72
INHERIT, NO_KERNEL, NO_HYPERVISOR = 1 << 1, 1 << 5, 1 << 6
BOTH_TIMES = 1 | 2  # PERF_FORMAT_TOTAL_TIME_ENABLED and _RUNNING
PARANOID_FILE = "/proc/sys/kernel/perf_event_paranoid"
REASONS = {
    errno.ENOENT: "this processor, or the virtual machine, has no such counter",
    errno.ENOSYS: "the system has no perf_event_open",
    errno.EOPNOTSUPP: "this processor has no such counter",
    errno.ENODEV: "this processor has no such counter",
}


class EventKind(NamedTuple):
    """What is counted.

    Attributes:
        name: What to call it.
        kind: PERF_TYPE_HARDWARE is 0, PERF_TYPE_SOFTWARE 1.
        number: Of the event among those of its kind.
    """

    name: str
    kind: int
    number: int


CYCLES, INSTRUCTIONS = EventKind("cycles", 0, 0), EventKind("instructions", 0, 1)
TASK_CLOCK = EventKind("task clock", 1, 1)


class Counters:
    """Counts what this process does outside the kernel, on all threads that it starts afterwards.

    Args:
        kinds: What to count.

    Raises:
        ModelError: Counting is not possible or not allowed here, with the reason.
    """

    def __init__(self, kinds: Sequence[EventKind]) -> None:
        self._files: list[int] = []
        try:
            for kind in kinds:
                self._files.append(_open(kind))
        except ModelError:
            self.close()
            raise

    def read(self) -> tuple[int, ...]:
        """The counts so far; scaled up where the processor had too few counters to count all the time.

        Raises:
            ModelError: One never counted.
        """
        return tuple(map(_read, self._files))

    def close(self) -> None:
        """Stop counting."""
        for file in self._files:
            os.close(file)
        self._files = []


def _open(kind: EventKind) -> int:
    number = CALLS.get(platform.machine())
    if number is None or not hasattr(os, "sched_getaffinity"):
        raise ModelError(f"perf_event_open is not known for {platform.system()} on {platform.machine()}.")
    flags = INHERIT | NO_KERNEL | NO_HYPERVISOR
    packed = ATTRIBUTES.pack(kind.kind, ATTRIBUTE_BYTES, kind.number, 0, 0, BOTH_TIMES, flags, 0, 0, 0)
    attributes = ctypes.create_string_buffer(packed, ATTRIBUTE_BYTES)
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    arguments = (attributes, ctypes.c_int(0), ctypes.c_int(-1), ctypes.c_int(-1), ctypes.c_ulong(0))
    found = int(call(ctypes.c_long(number), *arguments))
    if found < 0:
        raise ModelError(f"{kind.name} cannot be counted: {_reason(ctypes.get_errno())}.")
    return found


def _reason(number: int) -> str:
    if number in (errno.EACCES, errno.EPERM):
        return f"not allowed for this user; run: sudo sh -c 'echo 2 > {PARANOID_FILE}'"
    return REASONS.get(number, os.strerror(number).lower())


def _read(file: int) -> int:
    value, enabled, running = struct.unpack("=QQQ", os.read(file, 24))
    if not running:
        raise ModelError("a counter never ran: other programs hold the processor's counters.")
    return int(value * enabled / running)
