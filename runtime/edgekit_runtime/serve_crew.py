"""Two threads that take turns: the one that a request reached answers it itself, and the other watches if that lasts.

To hand a request to another thread, and to wait until the system has woken it, takes longer than all else that a small
request needs. So whoever watches the connections also works, and only where that takes a while the other goes on to
watch: more requests, those who ask for its health, and clients that wait for nothing.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Callable, Optional

from edgekit_runtime.alarm import Alarm

Job = Callable[[], None]
Watch = Callable[[Callable[[], bool]], bool]
LEAST_PATIENCE_S, MOST_PATIENCE_S = 0.002, 0.1  # for which nobody watches
LEAST_TIMES, MOST_TIMES = 1.5, 6.0  # what a job takes
AT_ONCE_S = 1e-9


class Crew:
    """Does jobs one after the other, in the order they come, and watches for more at the same time.

    Args:
        limit: Jobs that may wait, beside the one that is done.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._jobs: deque[Job] = deque()
        self._guard = threading.Lock()
        self._at_work = self._relieved = self._over = False
        self._since_s: Optional[float] = None
        self._patience_s = LEAST_PATIENCE_S
        self._failure: Optional[BaseException] = None

    @property
    def waiting(self) -> int:
        """Jobs that wait."""
        return len(self._jobs)

    @property
    def limit(self) -> int:
        """Jobs that may wait."""
        return self._limit

    @property
    def busy_s(self) -> float:
        """How long the job under way has taken so far; 0 where there is none."""
        since_s = self._since_s
        return 0.0 if since_s is None else time.monotonic() - since_s

    def offer(self, job: Job) -> bool:
        """Take a job, unless too many wait already; to be called by whoever watches.

        Args:
            job: Must raise nothing.

        Returns:
            Whether it was taken.
        """
        with self._guard:
            if len(self._jobs) >= self._limit + (not self._at_work):
                return False
            self._jobs.append(job)
            return True

    def run(self, watch: Watch) -> None:
        """Watch and work in two threads until there is nothing more to watch; the caller's own is left to signals.

        Args:
            watch: Watches until it is over, or until the function that it is given tells it to leave; returns whether
                it left. It is called by one thread at a time.
        """
        alarm = Alarm()
        members = [threading.Thread(target=self._take_turns, args=(watch, alarm, n), daemon=True) for n in (0, 1)]
        for member in members:
            member.start()
        for member in members:
            member.join()
        alarm.close()
        if self._failure is not None:
            raise self._failure

    def _take_turns(self, watch: Watch, alarm: Alarm, place: int) -> None:
        """Watch and work until relieved, stand by until there is one to relieve, and so on; the first one watches."""
        watches = place == 0
        while watches or self._relieve(alarm):
            watches = False
            if not self._watch_and_work(watch, alarm):
                return

    def _watch_and_work(self, watch: Watch, alarm: Alarm) -> bool:
        """Whether it ended because the other watches now; else all is over."""
        try:
            while watch(self._has_work):
                alarm.set(self._patience_s)  # it may ring when the work is done: then nobody is relieved
                if self._work():
                    return True
        except BaseException as error:  # noqa: BLE001  # it is raised again where the crew was called
            self._failure = error
        self._over = True
        alarm.set(AT_ONCE_S)
        return False

    def _has_work(self) -> bool:
        """Whether whoever watches is to work now: there is a job, and nobody is at one."""
        with self._guard:
            if self._at_work or not self._jobs:
                return False
            self._at_work = True
            return True

    def _work(self) -> bool:
        """Do what there is; whether the other went on to watch meanwhile."""
        while True:
            with self._guard:
                if not self._jobs:
                    relieved, self._at_work, self._relieved = self._relieved, False, False
                    return relieved
                job = self._jobs.popleft()
            since_s = self._since_s = time.monotonic()
            job()
            self._since_s = None
            self._learn(time.monotonic() - since_s)

    def _learn(self, taken_s: float) -> None:
        """Be patient for what jobs take as a rule, so that the other is woken where one takes longer."""
        if not LEAST_TIMES * taken_s <= self._patience_s <= MOST_TIMES * taken_s:
            times = (LEAST_TIMES + MOST_TIMES) / 2
            self._patience_s = min(MOST_PATIENCE_S, max(LEAST_PATIENCE_S, times * taken_s))

    def _relieve(self, alarm: Alarm) -> bool:
        """Wait until the other has worked for a while, and watch in its place; `False` when all is over."""
        while True:
            alarm.wait()
            with self._guard:
                if self._over:
                    return False
                if self._at_work and not self._relieved:
                    self._relieved = True
                    return True
