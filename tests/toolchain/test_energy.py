from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.reports.energy import predict_energy
from edgekit_runtime.figure import Interval, measured, unavailable
from edgekit_targets.profile import Power, Profile
from edgekit_targets.sourced import Sourced

CPU_TIME = measured(10e6, "ns", "m", Interval(9.9e6, 10.1e6))


def with_power(profile: Profile, idle: float | None, busy: float | None, spread: float | None) -> Profile:
    def sourced(value: float | None) -> Sourced[float] | None:
        return None if value is None else Sourced(value, "powerjoular", "estimated")

    return replace(profile, power=Power(sourced(idle), sourced(busy), sourced(spread)))


def test_energy_is_processor_time_times_a_cores_share_of_the_added_power(made: SimpleNamespace) -> None:
    energy = predict_energy(CPU_TIME, with_power(made.pi_4(), 2000, 6000, 10))

    assert energy.mode == "predicted"
    assert energy.value == pytest.approx(1.0 * 10e-3 * 1e6)  # 1 W for each of 4 cores, for 10 ms
    assert energy.interval is not None
    assert energy.interval.low == pytest.approx(9.9e3 * (5400 - 2200) / 4000)
    assert energy.interval.high == pytest.approx(10.1e3 * (6600 - 1800) / 4000)
    assert "±10 %" in energy.method
    assert "(estimated)" in energy.method


@given(
    idle=st.floats(100, 5000),
    added=st.floats(100, 9000),
    spread=st.floats(0.1, 60),
    time=st.floats(1e3, 1e9),
)
def test_a_prediction_lies_within_its_interval_or_there_is_none(
    made: SimpleNamespace, idle: float, added: float, spread: float, time: float
) -> None:
    cpu_time = measured(time, "ns", "m", Interval(time * 0.9, time * 1.2))

    energy = predict_energy(cpu_time, with_power(made.pi_4(), idle, idle + added, spread))

    if energy.value is None:
        assert "wider than what inferences add" in energy.reason
        return
    assert energy.interval is not None
    assert 0 < energy.interval.low < energy.value < energy.interval.high


@pytest.mark.parametrize(
    ("power", "part"),
    [
        ((None, 6000, 10), "has no power model"),
        ((2000, None, 10), "has no power model"),
        ((2000, 6000, None), "does not say how far"),
        ((2000, 2100, 50), "wider than what inferences add"),
    ],
)
def test_a_profile_that_does_not_say_enough_gives_no_prediction(
    made: SimpleNamespace, power: tuple[float | None, float | None, float | None], part: str
) -> None:
    assert part in predict_energy(CPU_TIME, with_power(made.pi_4(), *power)).reason


def test_without_processor_time_there_is_no_prediction(made: SimpleNamespace) -> None:
    assert predict_energy(unavailable("ns", "invalid: throttled"), made.pi_4()).reason == "invalid: throttled"
