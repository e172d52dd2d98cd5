"""What one fresh process measures; it imports nothing that it does not use, so as not to weigh on the figures."""

from __future__ import annotations

import _thread
import gc
import json
import os
import sys
import time
from array import array
from collections.abc import Sequence
from typing import Any, Callable, Optional

import numpy as np

from edgekit_runtime.errors import EdgekitError
from edgekit_runtime.interpreter import LOADERS
from edgekit_runtime.memory import PeakMeter
from edgekit_runtime.pinning import parse_cores, pin_to
from edgekit_runtime.runs import CLOCK_FILE, BenchSettings, Run

MAX_SAMPLES = 5000  # counted inferences kept at most
MAX_WARMUPS = 1000  # uncounted inferences kept at most; the rest of the warm-up leaves no trace


def measure(model: str, model_format: str, inputs: Sequence[str], settings: BenchSettings) -> Run:
    """Load a model and time its inferences in this process.

    Args:
        model: The model's file.
        model_format: `tflite`.
        inputs: A `.npy` file for each input of the model, of the shape and type that it stores.
        settings: How to measure.

    Raises:
        ModelError: The interpreter refuses the model or an input.
        MissingExtraError: The interpreter is not installed.
        UserError: A core to be pinned to may not be used.
    """
    pin_to(settings.pin)
    open_model = LOADERS[model_format]()  # imports the library here, so that the load time leaves it out
    values = [np.load(path, allow_pickle=False) for path in inputs]
    warmups = array("q", bytes(8 * MAX_WARMUPS))
    samples = array("q", bytes(8 * max(MAX_SAMPLES, settings.min_samples)))
    clock = time.perf_counter_ns
    gc.disable()
    try:
        meter = PeakMeter()
        started = clock()
        interpreter = open_model(model, settings.threads, settings.batch)
        load_ns = clock() - started
        for index, value in enumerate(values):
            interpreter.set_input(index, value)
        started = clock()
        interpreter.invoke()
        first_inference_ns = clock() - started
        warmed = _warm_up(interpreter.invoke, warmups, settings.warmup_s)
        started_cpu = time.process_time_ns()
        counted = _time_each(interpreter.invoke, samples, settings.sample_s, settings.min_samples)
        cpu_ns = time.process_time_ns() - started_cpu
        clock_after = clock_mhz(core=next(iter(parse_cores(settings.pin)), 0))
        memory = meter.read()
    finally:
        gc.enable()
    latency_ns = tuple(samples[:counted])
    return Run(load_ns, first_inference_ns, tuple(warmups[:warmed]), latency_ns, cpu_ns, memory, clock_after)


def clock_mhz(root: str = "/", core: int = 0) -> Optional[float]:
    """The clock of a core, where the system tells; with nothing to do it soon falls.

    Args:
        root: Where sysfs begins.
        core: Which one.
    """
    try:
        with open(os.path.join(root, CLOCK_FILE.replace("cpu0", f"cpu{core}")), encoding="ascii") as file:
            return int(file.read()) / 1000
    except (OSError, ValueError):
        return None


def answer_one_call() -> None:
    """Measure once for the parent that started this process, and end with it.

    The child's side of `edgekit_runtime.child.Child` without its threads, queues and handlers:
    they would cost this process more than all the rest of edgekit.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the interpreter prints is no answer
    call = sys.stdin.readline()
    if not call:
        return  # the parent ended before it asked
    request = json.loads(call)["payload"]
    _thread.start_new_thread(_end_with_parent, ())
    print(json.dumps(_answer(request), default=vars), file=answers, flush=True)


def _answer(request: dict[str, Any]) -> dict[str, object]:  # JSON at the border between two processes
    try:
        settings = BenchSettings(**request["settings"])
        return {"result": measure(request["model"], request["format"], request["inputs"], settings)}
    except EdgekitError as error:
        return {"error": {"code": error.code, "message": error.message, "hint": error.hint}}
    except Exception:  # noqa: BLE001  # a bug must reach the parent as a traceback, not as silence
        import traceback

        return {"error": {"code": "bug", "message": traceback.format_exc(), "hint": ""}}


def _warm_up(invoke: Callable[[], None], times: array[int], seconds: float) -> int:
    end = time.perf_counter_ns() + int(seconds * 1e9)
    kept = _time_each(invoke, times, seconds, 0)
    while time.perf_counter_ns() < end:
        invoke()
    return kept


def _time_each(invoke: Callable[[], None], times: array[int], seconds: float, at_least: int) -> int:
    clock = time.perf_counter_ns
    count, end = 0, clock() + int(seconds * 1e9)
    while count < len(times) and (count < at_least or clock() < end):
        started = clock()
        invoke()
        times[count] = clock() - started
        count += 1
    return count


def _end_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)
