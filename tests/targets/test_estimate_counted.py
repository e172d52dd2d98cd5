from __future__ import annotations

from dataclasses import replace

import pytest

from edgekit_runtime.counts import Counts
from edgekit_targets.catalog import load_profile
from edgekit_targets.estimate.counted import counted_latency, latency_from_counts

PI4 = load_profile("raspberry-pi-4b").profile
# MobileNetV1 of 224 x 224, as counted on an emulated Cortex-A72.
FLOAT = Counts(
    cpu="cortex-a72",
    instructions=210_000_000,
    loads=41_300_000,
    stores=830_000,
    simd=146_000_000,
    dot_products=0,
    port_cycles=154_000_000,
    l1_refill_bytes=385_000_000,
    dram_bytes=82_000_000,
    operators=31,
)
INT8 = replace(FLOAT, port_cycles=82_000_000, l1_refill_bytes=52_000_000, dram_bytes=12_000_000)


@pytest.mark.parametrize(("counts", "published_ms"), [(FLOAT, 77), (INT8, 24)])
def test_published_latencies_lie_near_the_prediction(counts: Counts, published_ms: float) -> None:
    figure = latency_from_counts(counts, PI4, 4)
    assert figure.mode == "predicted"
    assert figure.value == pytest.approx(published_ms * 1e6, rel=0.15)


def test_every_prediction_has_an_interval_and_says_that_it_is_none_of_a_measurement() -> None:
    figure = latency_from_counts(FLOAT, PI4, 1)
    assert figure.value is not None
    assert figure.interval is not None
    assert figure.interval.low == pytest.approx(0.7 * figure.value)
    assert figure.interval.high == pytest.approx(1.75 * figure.value)
    assert figure.method.startswith("counted")
    assert "not a measurement" in figure.method
    assert "1500 MHz" in figure.method


def test_under_five_milliseconds_there_is_a_range_and_no_value() -> None:
    tiny = replace(FLOAT, port_cycles=900_000, l1_refill_bytes=1_000_000, dram_bytes=0, operators=13)
    figure = latency_from_counts(tiny, PI4, 1)
    assert not figure.available
    assert "order of magnitude" in figure.reason
    low, high = (span := counted_latency(tiny, PI4, 1).range_ms).low, span.high
    assert high == pytest.approx(16 * low)


def test_more_threads_save_computing_alone() -> None:
    one, four = (latency_from_counts(FLOAT, PI4, threads).value for threads in (1, 4))
    assert one is not None
    assert four is not None
    assert one / 4 < four < one


@pytest.mark.parametrize(
    ("counts", "target", "threads", "reason"),
    [
        (replace(FLOAT, cpu="cortex-a53"), "raspberry-pi-4b", 1, "emulated cortex-a53"),
        (replace(FLOAT, cpu="riscv"), "raspberry-pi-4b", 1, "emulated riscv"),
        (replace(FLOAT, l1_refill_bytes=0), "raspberry-pi-4b", 1, "no lines"),
        (replace(FLOAT, operators=None), "raspberry-pi-4b", 1, "how many operators the file has is not known"),
        (FLOAT, "host", 1, "does not say cpu.model"),
        (FLOAT, "raspberry-pi-4b", 5, "4 cores for 5 threads"),
    ],
)
def test_what_cannot_be_predicted_says_why(counts: Counts, target: str, threads: int, reason: str) -> None:
    figure = latency_from_counts(counts, load_profile(target).profile, threads)
    assert not figure.available
    assert reason in figure.reason


def test_no_threads_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="threads is 0"):
        latency_from_counts(FLOAT, PI4, 0)
