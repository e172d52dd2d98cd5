"""edgekit_runtime.serve_wait: awake for a moment while clients come back at once, asleep for all others."""

from __future__ import annotations

import selectors
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_runtime.serve_wait import AWAKE_S, Wait

TICK_S = 1.0
LOOK_S = AWAKE_S / 100  # what one look takes here


class Clients:
    """A selector under a clock of its own; the next client comes after the first of its gaps."""

    def __init__(self, gaps_s):
        self.now_s = 0.0
        self.gaps_s = list(gaps_s)
        self.comes_s = self.gaps_s.pop(0)
        self.looks = self.sleeps = 0

    def clock_s(self):
        return self.now_s

    def select(self, timeout=None, /):
        if timeout:
            self.sleeps += 1
            self.now_s = max(self.now_s, min(self.comes_s, self.now_s + timeout))
        else:
            self.looks += 1
            self.now_s += LOOK_S
        if self.now_s < self.comes_s:
            return []
        self.comes_s = self.now_s + (self.gaps_s.pop(0) if self.gaps_s else TICK_S / 2)
        return ["a client"]


def waited(gaps_s, cores=2):
    """What was asked of the selector until all clients came."""
    clients = Clients(gaps_s)
    wait = Wait(clients, cores, clients.clock_s)
    for _ in gaps_s:
        assert wait.select(TICK_S) == ["a client"]
    return clients


def test_a_client_that_comes_back_at_once_is_met_awake():
    clients = waited([AWAKE_S / 2] * 5)
    assert clients.sleeps == 1  # for the first, of which nothing was known
    assert clients.looks > 4


def test_clients_that_take_their_time_are_waited_for_asleep():
    clients = waited([AWAKE_S * 10] * 20)
    assert (clients.sleeps, clients.looks) == (20, 0)


def test_a_client_that_stops_coming_back_costs_one_moment():
    clients = waited([AWAKE_S / 2] * 3 + [AWAKE_S * 10] * 20)
    assert clients.sleeps == 21
    assert clients.looks * LOOK_S == pytest.approx(2 * AWAKE_S / 2 + AWAKE_S, rel=0.1)


def test_with_one_core_it_always_sleeps():
    clients = waited([AWAKE_S / 2] * 5, cores=1)
    assert (clients.sleeps, clients.looks) == (5, 0)


def test_when_nobody_comes_it_says_so():
    clients = Clients([TICK_S * 3])
    wait = Wait(clients, 2, clients.clock_s)
    assert [wait.select(TICK_S) for _ in range(3)] == [[], [], ["a client"]]
    assert clients.looks == 0


@given(st.lists(st.floats(0, AWAKE_S * 3), min_size=1, max_size=30))
def test_awake_it_never_looks_for_longer_than_asked_by_those_who_came(gaps_s):
    clients = waited(gaps_s)
    assert clients.looks * LOOK_S <= (len(gaps_s) + 1) * (AWAKE_S + LOOK_S)
    assert clients.sleeps + clients.looks >= len(gaps_s)


def test_real_sockets_are_met_by_either_way():
    left, right = socket.socketpair()
    with left, right, selectors.DefaultSelector() as selector:
        selector.register(left, selectors.EVENT_READ)
        wait = Wait(selector, 2)
        assert wait.select(0) == []
        for _ in range(3):
            right.send(b"x")
            assert [key.fileobj for key, _ in wait.select(TICK_S)] == [left]
            left.recv(1)
