"""edgekit.calibration_doubts: what a calibration contradicts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgekit.calibration_doubts import doubts_of
from edgekit_runtime.record import Fact, Record
from edgekit_targets.catalog import load_profile
from tests.runtime.conftest import record_of, run_of

PI4 = load_profile("raspberry-pi-4b").profile
SPEEDS = {
    "float32_macs_per_cycle": 3.1,
    "int8_macs_per_cycle": 6.5,
    "depthwise_float32_macs_per_cycle": 1.0,
    "depthwise_int8_macs_per_cycle": 0.9,
    "operator_overhead_us": 0.9,
}
COPY = 2500.0


def records(*latencies_us: int) -> tuple[Record, ...]:
    """A record with a process for each latency, on a Raspberry Pi 4 at 1500 MHz."""
    return (record_of(*map(run_of, latencies_us or (900, 910, 905, 920, 890))),)


def doubts(speeds: dict[str, float] | None = None, clock_mhz: float = 1500.0, copied: float = COPY) -> tuple[str, ...]:
    return doubts_of(PI4, records(), {**SPEEDS, **(speeds or {})}, clock_mhz, copied)


def test_figures_of_a_quiet_board_leave_no_doubt():
    assert doubts() == ()


@pytest.mark.parametrize(
    ("speeds", "told"),
    [
        ({"float32_macs_per_cycle": 4.5}, "cpu.speed.float32_macs_per_cycle is 4.5, and its pipelines allow 4"),
        (
            {"depthwise_int8_macs_per_cycle": 7.0},
            "depthwise convolutions in int8 took 7 MACs in a cycle and dense ones",
        ),
    ],
)
def test_speeds_that_cannot_be_are_told(speeds, told):
    (doubt,) = doubts(speeds)
    assert told in doubt


def test_a_clock_that_the_device_denies_is_told():
    assert doubts(clock_mhz=1800.0) == ("the clock was told as 1800 MHz, and the device's own reading is 1500 MHz",)


def test_a_clock_that_moved_is_told():
    runs = (*map(run_of, [900] * 4), replace(run_of(900), clock_mhz=1000.0))
    (doubt,) = doubts_of(PI4, (record_of(*runs),), SPEEDS, 1500.0, COPY)
    assert doubt == "the clock moved between 1000 and 1500 MHz while it was measured"


def test_processes_that_differ_are_told():
    (doubt,) = doubts_of(PI4, records(900, 910, 905, 920, 1500), SPEEDS, 1500.0, COPY)
    assert "processes with resnet8 differ by 1.7x" in doubt


def test_another_board_than_the_profiles_is_told():
    (record,) = records()
    other = replace(record, environment=replace(record.environment, board=Fact("Raspberry Pi 5"), cores=2, machine="x"))
    told = doubts_of(PI4, (other,), SPEEDS, 1500.0, COPY)
    assert [words in doubt for words, doubt in zip(("is a Raspberry Pi 5", "2 cores", "set is x"), told, strict=True)]
    assert len(told) == 3


@pytest.mark.parametrize("copied", [COPY / 3, COPY * 3])
def test_a_copy_far_from_the_boards_is_told(copied):
    (doubt,) = doubts(copied=copied)
    assert f"one core copies {copied:.0f} MB/s, and raspberry-pi-4b tells" in doubt
