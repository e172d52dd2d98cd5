"""Which cores a measuring process may use; it imports nothing, so that such a process stays small."""

from __future__ import annotations

import os

from edgekit_runtime.errors import UserError

MOST = 1024  # Linux' own limit of a plain set of cores


def parse_cores(text: str) -> tuple[int, ...]:
    """The cores in a list such as `2,3` or `0-3`; none in an empty text.

    Raises:
        ValueError: It is no such list.
    """
    cores: set[int] = set()
    for part in text.split(",") if text else ():
        first, dash, last = part.partition("-")
        if not (first.isdecimal() and (last.isdecimal() or not dash) and len(part) < 10):
            raise ValueError(f"pin is {text!r}; allowed: numbers of cores, such as 2,3 or 0-3")
        low, high = int(first), int(last or first)
        if low > high or high >= MOST:
            raise ValueError(f"pin is {text!r}; allowed: numbers of cores up to {MOST - 1}, the lower first")
        cores.update(range(low, high + 1))
    return tuple(sorted(cores))


def usable_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def pin_to(text: str) -> None:
    """Let this process, and the threads that it starts from now on, run on these cores only.

    Args:
        text: As for `parse_cores`; nothing happens where it is empty.

    Raises:
        UserError: The system does not pin, or a core may not be used.
    """
    cores = parse_cores(text)
    if not cores:
        return
    if not hasattr(os, "sched_setaffinity"):
        raise UserError(f"--pin {text}: this system does not pin processes.", hint="Measure without --pin.")
    usable = os.sched_getaffinity(0)
    if not usable.issuperset(cores):
        listed = ",".join(map(str, sorted(usable)))
        raise UserError(f"--pin {text}: not all of these cores may be used here; allowed: some of {listed}.")
    os.sched_setaffinity(0, cores)
