"""Counts of one inference: what they refuse to hold."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from edgekit_runtime.counts import Counts

COUNTS = Counts(
    cpu="cortex-a72",
    instructions=3_618_804,
    loads=685_000,
    stores=47_000,
    simd=2_240_000,
    dot_products=0,
    port_cycles=1_560_000,
    l1_refill_bytes=900_032,
    dram_bytes=0,
    operators=31,
)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"loads": -1}, "loads is below 0"),
        ({"cpu": ""}, "have a processor"),
        ({"instructions": 0, "loads": 0, "stores": 0, "simd": 0}, "no class has more"),
        ({"stores": 3_618_805}, "no class has more"),
        ({"dot_products": 2_240_001}, "at most simd"),
    ],
)
def test_refuses_what_cannot_be(changes: dict[str, object], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        Counts(**{**asdict(COUNTS), **changes})
