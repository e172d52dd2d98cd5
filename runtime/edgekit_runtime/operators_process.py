"""The process that times a model's operators, in the way that it is asked for."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from edgekit_runtime.child import Payload, serve
from edgekit_runtime.codec import decode, encode
from edgekit_runtime.errors import ModelError
from edgekit_runtime.interpreter import Interpreter, open_interpreter
from edgekit_runtime.pinning import pin_to
from edgekit_runtime.readings import OperatorTimes
from edgekit_runtime.runs import Workload
from edgekit_runtime.stats import quantile

LEAST, MOST = 10, 200  # inferences


def answer() -> None:
    """Time operators for the parent that started this process."""
    serve(
        {
            "litert": lambda payload, _: _tree(_by_litert(decode(Workload, payload))),
            "onnx": lambda payload, _: _tree(_by_onnxruntime(decode(Workload, payload))),
            "cut": lambda payload, _: _tree(_one_by_one(decode(Workload, payload))),
        }
    )


def whole_inferences(interpreter: Interpreter, values: Sequence[np.ndarray], seconds: float) -> tuple[int, float]:
    """How many inferences to time operators in, and the median time of a whole one.

    Args:
        interpreter: The model.
        values: One for each input.
        seconds: How long to time; the number of inferences takes about as long.
    """
    for index, value in enumerate(values):
        interpreter.set_input(index, value)
    times: list[int] = []
    end_s = time.perf_counter() + max(seconds, 0.01)
    for _ in range(3):
        interpreter.invoke()
    while len(times) < LEAST or (len(times) < MOST and time.perf_counter() < end_s):
        started = time.perf_counter_ns()
        interpreter.invoke()
        times.append(time.perf_counter_ns() - started)
    return len(times), quantile(times, 0.5)


def _by_litert(workload: Workload) -> OperatorTimes:
    _refuse_batches(workload)
    from edgekit_runtime.litert_profile import profile

    count, whole_ns, values = _whole(workload)
    return profile(workload.model, values, workload.settings.threads, count, whole_ns)


def _by_onnxruntime(workload: Workload) -> OperatorTimes:
    from edgekit_runtime.onnx_profile import profile

    count, whole_ns, values = _whole(workload)
    return profile(workload.model, values, workload.settings.threads, count, whole_ns)


def _one_by_one(workload: Workload) -> OperatorTimes:
    _refuse_batches(workload)
    from edgekit_runtime.operators_cut import time_one_by_one

    _, whole_ns, _ = _whole(workload)
    settings = workload.settings
    return time_one_by_one(workload.model, settings.threads, settings.sample_s, settings.seed, whole_ns)


def _whole(workload: Workload) -> tuple[int, float, list[np.ndarray]]:
    settings = workload.settings
    pin_to(settings.pin)
    values = [np.load(path, allow_pickle=False) for path in workload.inputs]
    interpreter = open_interpreter(workload.model, workload.format, settings.threads, settings.batch)
    return (*whole_inferences(interpreter, values, settings.sample_s), values)


def _refuse_batches(workload: Workload) -> None:
    if workload.settings.batch > 1:
        raise ModelError("the operators of a .tflite file are timed with a batch of 1 only.")


def _tree(times: OperatorTimes) -> Payload:
    return dict(encode(times))
