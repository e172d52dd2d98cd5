"""edgekit_runtime.serve_crew: who watches works, and is relieved where that lasts."""

from __future__ import annotations

import queue
import threading

import pytest

from edgekit_runtime.serve_crew import Crew

WAIT_S = 30


class Watched:
    """Stands for the connections: gives what a test puts in to the crew, and ends at `None`."""

    def __init__(self, crew):
        self.crew, self.coming, self.taken = crew, queue.Queue(), queue.Queue()
        self.watching = threading.Lock()

    def watch(self, leave):
        assert self.watching.acquire(blocking=False), "two watch at one time"
        try:
            while True:
                job = self.coming.get(timeout=WAIT_S)
                if job is None:
                    return False
                if isinstance(job, Exception):
                    raise job
                self.taken.put(self.crew.offer(job))
                if leave():
                    return True
        finally:
            self.watching.release()


@pytest.fixture
def watched():
    crew = Crew(limit=2)
    made = Watched(crew)
    made.thread = threading.Thread(target=crew.run, args=(made.watch,))
    made.thread.start()
    yield made
    made.coming.put(None)
    made.thread.join(WAIT_S)
    assert not made.thread.is_alive()


def held(begun, may_end):
    def job():
        begun.set()
        assert may_end.wait(WAIT_S)

    return job


def test_jobs_are_done_in_order_and_one_at_a_time(watched):
    done, together = queue.Queue(), threading.Semaphore(1)

    def job(number):
        assert together.acquire(blocking=False)
        done.put(number)
        together.release()

    for number in range(200):
        watched.coming.put(lambda number=number: job(number))
        assert watched.taken.get(timeout=WAIT_S)
        assert done.get(timeout=WAIT_S) == number


def test_more_is_taken_while_a_job_lasts_up_to_the_limit(watched):
    begun, may_end, done = threading.Event(), threading.Event(), queue.Queue()
    watched.coming.put(held(begun, may_end))
    assert watched.taken.get(timeout=WAIT_S)
    assert begun.wait(WAIT_S)
    for number in range(3):
        watched.coming.put(lambda number=number: done.put(number))
    assert [watched.taken.get(timeout=WAIT_S) for _ in range(3)] == [True, True, False]
    assert watched.crew.waiting == 2
    assert watched.crew.busy_s > 0
    assert done.empty()
    may_end.set()
    assert [done.get(timeout=WAIT_S) for _ in range(2)] == [0, 1]


def test_turns_change_as_often_as_jobs_last(watched):
    for _ in range(30):
        begun, may_end, seen = threading.Event(), threading.Event(), threading.Event()
        watched.coming.put(held(begun, may_end))
        assert watched.taken.get(timeout=WAIT_S)
        assert begun.wait(WAIT_S)
        watched.coming.put(seen.set)
        assert watched.taken.get(timeout=WAIT_S)  # somebody watches while the first is held
        may_end.set()
        assert seen.wait(WAIT_S)


def test_it_ends_when_there_is_nothing_to_watch_and_a_job_still_lasts():
    crew = Crew(limit=2)
    watched = Watched(crew)
    thread = threading.Thread(target=crew.run, args=(watched.watch,))
    thread.start()
    begun, may_end = threading.Event(), threading.Event()
    watched.coming.put(held(begun, may_end))
    assert begun.wait(WAIT_S)
    watched.coming.put(None)
    thread.join(0.05)
    assert thread.is_alive()
    may_end.set()
    thread.join(WAIT_S)
    assert not thread.is_alive()


def test_what_fails_in_watching_is_raised_where_the_crew_was_called():
    crew = Crew(limit=1)
    watched = Watched(crew)
    watched.coming.put(ZeroDivisionError("planted"))
    with pytest.raises(ZeroDivisionError, match="planted"):
        crew.run(watched.watch)
