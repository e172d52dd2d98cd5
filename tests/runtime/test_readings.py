"""What readings allow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_runtime.readings import EnergyReading, EnergyRun, Throughput, ThroughputRow, WeightCache

RUN = EnergyRun(1000.0, 3000.0, 50, 10**9)


@given(st.floats(0, 1e5), st.floats(0, 1e5), st.integers(1, 10**6), st.integers(1, 10**11))
def test_the_energy_of_an_inference_is_the_added_power_times_its_time(idle_mw, added_mw, inferences, elapsed_ns):
    run = EnergyRun(idle_mw, idle_mw + added_mw, inferences, elapsed_ns)
    joules = (run.busy_mw - run.idle_mw) / 1e3 * (elapsed_ns / 1e9) / inferences
    assert run.energy_uj == pytest.approx(joules * 1e6)


@pytest.mark.parametrize("parts", [(0.0, 1.0, 0, 1), (0.0, 1.0, 1, 0)])
def test_an_energy_run_without_inference_or_time_is_refused(parts):
    with pytest.raises(ValueError, match="more than 0"):
        EnergyRun(*parts)


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"sensor": "RAPL", "sampling_share": 0.1},
        {"sensor": "RAPL", "runs": (RUN,), "sampling_share": 0.1},
        {"sensor": "RAPL", "runs": (RUN, RUN)},
        {"sensor": "RAPL", "runs": (RUN, RUN), "sampling_share": 0.1, "reason": "both"},
    ],
)
def test_half_an_energy_reading_is_refused(parts):
    with pytest.raises(ValueError, match="an energy reading has"):
        EnergyReading(**parts)


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"uncached_ns": (1, 2), "cached_ns": (1, 2)},
        {"uncached_ns": (1, 2), "cached_ns": (1,), "size_bytes": 1},
        {"uncached_ns": (1, 2), "cached_ns": (1, 0), "size_bytes": 1},
        {"uncached_ns": (1, 2), "cached_ns": (1, 2), "size_bytes": 1, "reason": "both"},
    ],
)
def test_half_a_weight_cache_is_refused(parts):
    with pytest.raises(ValueError, match=r"a weight cache has|allowed: more than 0"):
        WeightCache(**parts)


@pytest.mark.parametrize(
    "parts", [(1, 1, ()), (1, 1, (5.0,)), (0, 1, (5.0, 5.0)), (1, 0, (5.0, 5.0)), (1, 1, (5.0, 0.0))]
)
def test_a_row_without_rates_is_refused(parts):
    with pytest.raises(ValueError, match="a row of throughput"):
        ThroughputRow(*parts)


@pytest.mark.parametrize("parts", [{}, {"rows": (ThroughputRow(1, 1, (5.0, 5.0)),), "reason": "both"}])
def test_throughput_has_rows_or_a_reason(parts):
    with pytest.raises(ValueError, match="throughput has rows"):
        Throughput(**parts)
