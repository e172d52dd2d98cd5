"""Timing operators one by one, where no profiler is: each runs alone, from a file that holds nothing else."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Optional

import numpy as np

from edgekit_runtime.errors import ModelError
from edgekit_runtime.interpreter import Interpreter, open_interpreter
from edgekit_runtime.readings import OperatorTime, OperatorTimes
from edgekit_runtime.stats import quantile
from edgekit_runtime.tensor import TensorSpec
from edgekit_runtime.tflite_cut import CutFile

LEAST, MOST = 10, 500  # runs of one operator
METHOD = "each operator alone, from a file cut down to it, with made inputs; median, the call's own cost included"


def time_one_by_one(path: str, threads: int, seconds: float, seed: int, whole_ns: float) -> OperatorTimes:
    """Time the operators of a `.tflite` file's main graph.

    Alone an operator finds its data in the cache, and pays for a call of its own: how far the sum is from
    the whole says how much that matters.

    Args:
        path: The file.
        threads: Threads of the kernels.
        seconds: How long to time them all together, about.
        seed: Of the made inputs.
        whole_ns: Median time of a whole inference.

    Raises:
        ModelError: The file cannot be cut, or no operator of it runs alone.
    """
    rows, untimed, counts = [], [], []
    with tempfile.TemporaryDirectory(prefix="edgekit-cut-") as folder:
        file = CutFile(Path(path), Path(folder) / "cut.tflite")
        random = np.random.default_rng(seed)
        each_s = seconds / max(1, len(file.operators))
        for place, operator in enumerate(file.operators):
            try:
                file.select(operator)
                times = _time_alone(str(file.path), threads, each_s, random)
            except ModelError:
                untimed.append(operator.kind)
                continue
            counts.append(len(times))
            rows.append(OperatorTime(place, operator.kind, operator.name, quantile(times, 0.5)))
    if not rows:
        raise ModelError("no operator of it runs alone.")
    return OperatorTimes(METHOD, tuple(rows), tuple(untimed), min(counts), whole_ns)


def _time_alone(path: str, threads: int, seconds: float, random: np.random.Generator) -> list[int]:
    interpreter: Optional[Interpreter] = open_interpreter(path, "tflite", threads)
    assert interpreter is not None
    for index, spec in enumerate(interpreter.inputs):
        interpreter.set_input(index, _made(spec, random))
    times: list[int] = []
    interpreter.invoke()
    end_s = time.perf_counter() + seconds
    while len(times) < LEAST or (len(times) < MOST and time.perf_counter() < end_s):
        started = time.perf_counter_ns()
        interpreter.invoke()
        times.append(time.perf_counter_ns() - started)
    return times


def _made(spec: TensorSpec, random: np.random.Generator) -> np.ndarray:
    """Values that an operator can meet: 32 bits and more may be places in another tensor, so they are zeros."""
    dtype = np.dtype(spec.dtype)
    if dtype.kind == "f":
        return random.random(spec.shape).astype(dtype)
    if dtype.kind in "iu" and dtype.itemsize <= 2:
        limits = np.iinfo(dtype)
        return random.integers(limits.min, limits.max, spec.shape, dtype, endpoint=True)
    return np.zeros(spec.shape, dtype)
