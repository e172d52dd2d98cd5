"""One choice of a plan, for the user to read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """One choice of a plan.

    Attributes:
        what: What was to be chosen.
        value: What was chosen.
        reason: Why.
    """

    what: str
    value: str
    reason: str
