"""A thread that does one job after the other, and says when too many wait."""

from __future__ import annotations

import queue
import threading
import time
from typing import Callable, Optional

Job = Callable[[], None]


class Worker:
    """Does jobs in the order they come.

    Args:
        name: Of the thread.
        limit: Jobs that may wait, beside the one that is done.
    """

    def __init__(self, name: str, limit: int) -> None:
        self._jobs: queue.SimpleQueue[Optional[Job]] = queue.SimpleQueue()
        self._limit = limit
        self._since_s: Optional[float] = None
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Jobs that wait."""
        return self._jobs.qsize()

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
        """Take a job, unless too many wait already.

        Args:
            job: Must raise nothing.

        Returns:
            Whether it was taken.
        """
        if self._jobs.qsize() >= self._limit:
            return False
        self._jobs.put(job)
        return True

    def close(self) -> None:
        """Do what waits, and end."""
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            if job is None:
                return
            self._since_s = time.monotonic()
            job()
            self._since_s = None
