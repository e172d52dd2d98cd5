"""A thread that does one job after the other, and says when too many wait."""

from __future__ import annotations

import queue
import threading
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
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

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
            job()
