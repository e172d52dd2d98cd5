"""Ask a server and call the same bundle in this process in turn, so that both meet the same load of the machine.

calls_in_turn.py ANSWER.json BUNDLE INPUT.npy COUNT PORT
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

WARM_UP, AT_ONCE = 100, 50
model, sample, request = load(sys.argv[2]), np.load(sys.argv[3]), request_of(Path(sys.argv[3]))
times: dict[str, list[int]] = {"served": [], "direct": []}


def timed(call: Callable[[], object], to: list[int]) -> None:
    """Call, and keep how long it took."""
    started = time.perf_counter_ns()
    call()
    to.append(time.perf_counter_ns() - started)


with connect(int(sys.argv[5])) as connection:
    for _ in range((WARM_UP + int(sys.argv[4])) // AT_ONCE):
        for _ in range(AT_ONCE):
            timed(lambda: ask(connection, request), times["served"])
        for _ in range(AT_ONCE):
            timed(lambda: model(sample), times["direct"])
answer = {
    f"{side}_p{percent}_ns": quantile(values[WARM_UP:], percent / 100)
    for side, values in times.items()
    for percent in (50, 99)
}
Path(sys.argv[1]).write_text(json.dumps(answer), encoding="utf-8")
