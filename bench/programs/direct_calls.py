"""Call a bundle in this process.

direct_calls.py ANSWER.json BUNDLE INPUT.npy COUNT
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

from edgekit_runtime import load
from edgekit_runtime.stats import quantile

model, sample, times = load(sys.argv[2]), np.load(sys.argv[3]), []
for _ in range(100):
    model(sample)
for _ in range(int(sys.argv[4])):
    started = time.perf_counter_ns()
    model(sample)
    times.append(time.perf_counter_ns() - started)
answer = {"p50_ns": quantile(times, 0.5), "p99_ns": quantile(times, 0.99)}
Path(sys.argv[1]).write_text(json.dumps(answer), encoding="utf-8")
