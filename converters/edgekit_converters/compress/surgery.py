"""What was done to a network's shape: enough to do it again to a fresh load of the source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Optional

SURGERY_FILE = "surgery.json"
TRAIL_SURGERY_FILE = f"trail/{SURGERY_FILE}"


@dataclass(frozen=True)
class Kept:
    """The units of a group that stay.

    Attributes:
        group: Its name.
        units: Their indexes before the step, ascending.
    """

    group: str
    units: tuple[int, ...]


@dataclass(frozen=True)
class Operation:
    """One step: channels that leave, or a new head.

    Attributes:
        kept: For every group; empty where the head is replaced.
        classes: Outputs of the new head; `None` where channels leave.
        seed: Seed of the new head's first weights.
    """

    kept: tuple[Kept, ...] = ()
    classes: Optional[int] = None
    seed: int = 0


@dataclass(frozen=True)
class Surgery:
    """All steps, in order."""

    SCHEMA: ClassVar[str] = "edgekit/surgery"
    VERSION: ClassVar[int] = 1

    operations: tuple[Operation, ...] = ()
