"""Lengths of time as users write them: `20ms`, `60s`, `5min`, `1.5h`, or a number of seconds."""

from __future__ import annotations

import re

import click

_UNITS_S = {"": 1.0, "ms": 0.001, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0}
_FORM = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|)")


class Duration(click.ParamType[float]):
    """A length of time, in seconds."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it; a number is one of seconds."""
        if isinstance(value, (int, float)):
            return float(value)
        found = _FORM.fullmatch(str(value).strip())
        if found is None:
            self.fail(f"{value!r} is no length of time; allowed: 20ms, 60s, 1.5h, or a number of seconds.", param, ctx)
        return float(found[1]) * _UNITS_S[found[2]]


DURATION = Duration()
