"""edgekit_runtime.alarm: it wakes one who waits, once for each time that it is set."""

from __future__ import annotations

import os
import threading
import time

import pytest

from edgekit_runtime.alarm import Alarm


@pytest.fixture(params=[True, False], ids=["timer", "pipe"])
def alarm(request):
    made = Alarm(timed=request.param)
    yield made
    made.close()


def test_it_wakes_one_who_waits(alarm):
    woken = threading.Event()
    waiting = threading.Thread(target=lambda: (alarm.wait(), woken.set()))
    waiting.start()
    assert not woken.wait(0.05)
    alarm.set(0.001)
    assert woken.wait(30)
    waiting.join()


def test_it_wakes_one_who_comes_to_wait_when_it_rang_already(alarm):
    alarm.set(1e-9)
    alarm.wait()


def test_what_is_set_anew_does_not_ring_at_the_time_before():
    alarm = Alarm()
    for _ in range(20):
        alarm.set(0.2)
    alarm.set(60)
    woken = threading.Event()
    threading.Thread(target=lambda: (alarm.wait(), woken.set()), daemon=True).start()
    assert not woken.wait(0.5)
    alarm.set(0.001)
    assert woken.wait(30)
    alarm.close()


def test_it_does_not_ring_before_its_time():
    alarm = Alarm()
    begun_s = time.monotonic()
    alarm.set(0.05)
    alarm.wait()
    assert time.monotonic() - begun_s >= 0.05
    alarm.close()


def test_its_descriptors_are_given_back():
    before = len(os.listdir("/proc/self/fd"))
    for timed in (True, False):
        Alarm(timed=timed).close()
    assert len(os.listdir("/proc/self/fd")) == before
