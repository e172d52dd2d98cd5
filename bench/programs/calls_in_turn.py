"""Ask a server and call the same bundle in this process in turn, so that both meet the same load of the machine.

calls_in_turn.py ANSWER.json BUNDLE INPUT.npy COUNT PORT

The turns are long: the first of each finds its process asleep and its caches cold, which a client that goes on asking
does not meet, and which would be all that the slowest hundredth tells of in short turns. They are told apart, too.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from asking import ask, connect, request_of

from edgekit_runtime import load
from edgekit_runtime.stats import quantile

AT_ONCE = 250  # and as many to warm up
model, sample, request = load(sys.argv[2]), np.load(sys.argv[3]), request_of(Path(sys.argv[3]))
times: dict[str, list[int]] = {"served": [], "direct": []}


def timed(call: Callable[[], object], to: list[int]) -> None:
    """Call, and keep how long it took."""
    started = time.perf_counter_ns()
    call()
    to.append(time.perf_counter_ns() - started)


with connect(int(sys.argv[5])) as connection:
    for _ in range(1 + int(sys.argv[4]) // AT_ONCE):
        for _ in range(AT_ONCE):
            timed(lambda: ask(connection, request), times["served"])
        for _ in range(AT_ONCE):
            timed(lambda: model(sample), times["direct"])
answer: dict[str, float] = {}
for side, values in times.items():
    answer |= {f"{side}_p{percent}_ns": quantile(values[AT_ONCE:], percent / 100) for percent in (50, 99)}
    answer[f"{side}_first_ns"] = quantile(values[AT_ONCE::AT_ONCE], 0.5)
Path(sys.argv[1]).write_text(json.dumps(answer), encoding="utf-8")
