"""Counting by the kernel: what every Linux counts here, and the reasons where the processor does not."""

from __future__ import annotations

import platform
import time

import pytest

from edgekit_runtime import perf_events
from edgekit_runtime.errors import ModelError
from edgekit_runtime.perf_events import CALLS, INSTRUCTIONS, TASK_CLOCK, Counters, EventKind


@pytest.mark.skipif(platform.machine() not in CALLS or platform.system() != "Linux", reason="no such call here")
def test_the_kernels_own_clock_of_a_task_grows():
    try:
        counters = Counters((TASK_CLOCK,))
    except ModelError as error:
        pytest.skip(f"{error}")
    before, end = counters.read()[0], time.process_time() + 0.02
    while time.process_time() < end:
        pass
    grown = counters.read()[0] - before
    counters.close()
    assert grown >= 10_000_000


def test_an_event_that_is_none_is_refused():
    with pytest.raises(ModelError, match=r"nonsense cannot be counted|perf_event_open is not known"):
        Counters((EventKind("nonsense", 0, 99),))


def test_a_machine_whose_call_is_unknown_is_told(monkeypatch):
    monkeypatch.setattr(perf_events.platform, "machine", lambda: "pdp11")
    with pytest.raises(ModelError, match=r"not known for .* on pdp11"):
        Counters((INSTRUCTIONS,))
