"""What throttle bits mean, and when they spoil what was measured."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_runtime.conditions import (
    BEGIN,
    ENERGY,
    LATENCY,
    THROUGHPUT,
    Conditions,
    Fact,
    Moment,
    Throttling,
    throttle_words,
    throttled_in,
)
from edgekit_runtime.figure import unavailable

NOTHING = Conditions(Fact("ondemand"), unavailable("MHz", "n"), unavailable("°C", "n"), Throttling(0))
bits_of = st.integers(0, 0xF).flatmap(lambda now: st.integers(0, 0xF).map(lambda past: (past | now) << 16 | now))


def trace(*pairs: tuple[str, int | None]) -> tuple[Moment, ...]:
    kinds = (Throttling(reason="no vcgencmd") if bits is None else Throttling(bits) for _, bits in pairs)
    return tuple(
        Moment(stage, Conditions(NOTHING.governor, NOTHING.clock_mhz, NOTHING.temperature_c, throttling))
        for (stage, _), throttling in zip(pairs, kinds, strict=True)
    )


def test_no_throttle_bit_is_said_in_words():
    assert throttle_words(0) == "nothing since boot"


def test_bits_of_now_and_since_boot_are_told_apart():
    assert throttle_words(0x50005) == "under-voltage now, throttled now, under-voltage since boot, throttled since boot"


@given(st.integers(0, 0xFFFFF))
def test_each_throttle_bit_has_its_words(bits):
    words = throttle_words(bits)
    assert words.count(" now") == (bits & 0xF).bit_count()
    assert words.count(" since boot") == max((bits >> 16 & 0xF).bit_count(), bits & 0xF000F == 0)


@pytest.mark.parametrize(
    ("moments", "words"),
    [
        ([(BEGIN, 0), (LATENCY, 0)], ""),
        ([(BEGIN, 0), (LATENCY, 0x40004)], "throttled"),
        ([(BEGIN, 0), (LATENCY, 0x40000)], "throttled"),  # it came and went in between
        ([(BEGIN, 0x40000), (LATENCY, 0x40000)], ""),  # long before
        ([(BEGIN, 0x40000), (LATENCY, 0x50000)], "under-voltage"),
        ([(BEGIN, 0x10001), (LATENCY, 0x10000)], "under-voltage"),  # it began so
        ([(BEGIN, 0), (LATENCY, 0x20002), (LATENCY, 0x20000)], "frequency capped"),
        ([(BEGIN, None), (LATENCY, None)], ""),
        ([(BEGIN, None), (LATENCY, 0x40000)], ""),  # nobody knows since when
        ([(BEGIN, None), (LATENCY, 0x80008)], "soft temperature limit"),
        ([(BEGIN, 0), (LATENCY, 0), (THROUGHPUT, 0x40004)], ""),  # later
    ],
)
def test_what_the_firmware_says_around_the_runs_counts(moments, words):
    assert throttled_in(LATENCY, trace(*moments)) == words


def test_a_later_stage_has_its_own_moments():
    moments = trace((BEGIN, 0), (LATENCY, 0x40000), (THROUGHPUT, 0x40000), (ENERGY, 0xC0008))
    assert [throttled_in(stage, moments) for stage in (LATENCY, THROUGHPUT, ENERGY)] == [
        "throttled",
        "",
        "soft temperature limit",
    ]


def test_a_stage_that_was_not_measured_was_not_throttled():
    assert throttled_in(ENERGY, trace((BEGIN, 0xF000F), (LATENCY, 0xF000F))) == ""


@given(st.lists(bits_of, min_size=2, max_size=6))
def test_bits_that_are_set_now_always_count(bits):
    words = throttled_in(LATENCY, trace((BEGIN, bits[0]), *((LATENCY, each) for each in bits[1:])))
    for place, word in enumerate(("under-voltage", "frequency capped", "throttled", "soft temperature limit")):
        if any(each >> place & 1 for each in bits):
            assert word in words.split(", ")


@pytest.mark.parametrize("parts", [{}, {"bits": 0, "reason": "both"}, {"bits": -1}])
def test_throttling_is_its_bits_or_a_reason(parts):
    with pytest.raises(ValueError, match="bits"):
        Throttling(**parts)
