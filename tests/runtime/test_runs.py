"""What settings and runs allow."""

from __future__ import annotations

import math

import pytest

from edgekit_runtime.runs import BenchSettings, MemoryReading, Run

NO_MEMORY = MemoryReading(reason="not read here")


@pytest.mark.parametrize(
    "wrong",
    [
        {"threads": 0},
        {"batch": 0},
        {"energy_s": -1.0},
        {"min_runs": 4},
        {"min_runs": 6, "max_runs": 5},
        {"min_samples": 0},
        {"warmup_s": -0.1},
        {"sample_s": math.inf},
        {"precision": 0.0},
        {"precision": math.nan},
        {"timeout_s": 0.0},
        {"seed": -1},
    ],
)
def test_settings_that_cannot_be_meant_are_refused_by_name(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} is .*allowed"):
        BenchSettings(**wrong)


@pytest.mark.parametrize(("load", "first", "latencies"), [(0, 1, (1,)), (1, 0, (1,)), (1, 1, ()), (1, 1, (1, 0))])
def test_a_run_without_times_is_refused(load, first, latencies):
    with pytest.raises(ValueError, match="a run has counted inferences"):
        Run(load, first, (), latencies, 1, NO_MEMORY)


def test_a_run_with_less_than_no_processor_time_is_refused():
    with pytest.raises(ValueError, match="cpu_ns is -1; allowed: 0 or more"):
        Run(1, 1, (), (1,), -1, NO_MEMORY)


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"method": "VmHWM", "baseline_rss_bytes": 1, "peak_rss_bytes": 2},
        {"method": "VmHWM", "baseline_rss_bytes": 1, "peak_rss_bytes": 2, "anonymous_rss_bytes": 1, "reason": "none"},
    ],
)
def test_half_a_memory_reading_is_refused(parts):
    with pytest.raises(ValueError, match="a memory reading has"):
        MemoryReading(**parts)
