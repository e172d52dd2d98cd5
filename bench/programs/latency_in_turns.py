"""Median latencies of two files of one format under its interpreter, one thread, in turns: ANSWER.json FIRST SECOND."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np

from edgekit_runtime.interpreter import detect_format, open_interpreter

WARM_UP, ROUNDS, ROUND_NS = 20, 50, 20_000_000


class Model:
    """A file that is ready to run, and its times."""

    def __init__(self, path: str) -> None:
        self._interpreter = open_interpreter(path, detect_format(path))
        for place, spec in enumerate(self._interpreter.inputs):
            self._interpreter.set_input(place, np.ones(spec.shape, spec.dtype))
        warm = [self._once() for _ in range(WARM_UP)]
        self.count = max(1, int(ROUND_NS / median(warm)))
        self.times_ns: list[int] = []

    def round(self) -> None:
        """Run it for some milliseconds."""
        self.times_ns += [self._once() for _ in range(self.count)]

    def _once(self) -> int:
        began = time.perf_counter_ns()
        self._interpreter.invoke()
        return time.perf_counter_ns() - began


first, second = Model(sys.argv[2]), Model(sys.argv[3])
for number in range(ROUNDS):
    for model in (first, second) if number % 2 else (second, first):
        model.round()
answer = {"first_ms": median(first.times_ns) / 1e6, "second_ms": median(second.times_ns) / 1e6}
Path(sys.argv[1]).write_text(json.dumps(answer), encoding="utf-8")
