"""Lengths of time as users write them."""

from __future__ import annotations

import click
import pytest

from edgekit.cli.duration import DURATION


@pytest.mark.parametrize(
    ("text", "seconds"), [("20ms", 0.02), ("60", 60), ("5min", 300), ("2m", 120), ("1h", 3600), ("0.5 s", 0.5), (3, 3)]
)
def test_a_length_is_read_in_seconds(text, seconds):
    assert DURATION.convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "s", "-1s", "1d", "1s2", "nan", "1e3"])
def test_what_is_no_length_is_refused(text):
    with pytest.raises(click.BadParameter, match="allowed: 20ms, 60s"):
        DURATION.convert(text, None, None)
