"""A process that loads a model, and then runs it over and over when it is told to."""

from __future__ import annotations

import gc
import time
from array import array
from typing import Any, Optional

import numpy as np

from edgekit_runtime.child import Payload, Report, serve
from edgekit_runtime.codec import decode, encode
from edgekit_runtime.handover import Pace, Window
from edgekit_runtime.interpreter import Interpreter, open_interpreter
from edgekit_runtime.pinning import pin_to
from edgekit_runtime.runs import Workload
from edgekit_runtime.stats import quantile

MOST_TIMES = 100_000  # that are kept


class Steady:
    """A model that is warm and waits to be run."""

    def __init__(self) -> None:
        self._interpreter: Optional[Interpreter] = None

    def load(self, workload: Workload) -> None:
        """Load the model and warm it up.

        Raises:
            ModelError: The interpreter refuses the model or an input.
        """
        settings = workload.settings
        pin_to(settings.pin)
        interpreter = open_interpreter(workload.model, workload.format, settings.threads, settings.batch)
        for index, path in enumerate(workload.inputs):
            interpreter.set_input(index, np.load(path, allow_pickle=False))
        self._interpreter = interpreter
        now = time.perf_counter_ns()
        self.run(Window(now, now + int(settings.warmup_s * 1e9)))

    def run(self, window: Window) -> Pace:
        """Run the model from the beginning of a window to its end, and at least once.

        Raises:
            ModelError: An operator failed.
        """
        assert self._interpreter is not None
        invoke, clock, count, times = self._interpreter.invoke, time.perf_counter_ns, 0, array("q")
        time.sleep(max(0, window.begin_ns - clock()) / 1e9)
        gc.disable()
        started_cpu = time.process_time_ns()
        started = ended = clock()
        while count == 0 or ended < window.end_ns:
            begun = ended
            invoke()
            count += 1
            ended = clock()
            if count <= MOST_TIMES:
                times.append(ended - begun)
        cpu_ns = time.process_time_ns() - started_cpu
        gc.enable()
        return Pace(count, ended - started, cpu_ns, quantile(times, 0.9))


def answer() -> None:
    """Load and run for the parent that started this process."""
    steady = Steady()

    def load(payload: Payload, _: Report) -> Payload:
        steady.load(decode(Workload, payload))
        return {}

    def run(payload: Payload, _: Report) -> Payload:
        return _tree(steady.run(decode(Window, payload)))

    serve({"load": load, "run": run})


def _tree(pace: Pace) -> dict[str, Any]:  # JSON at the border between two processes
    return dict(encode(pace))
