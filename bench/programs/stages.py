"""Where the processor time of a conversion goes.

stages.py ANSWER.json MODEL.keras DATA.npz OUT
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as in the quantizer's own process

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from edgekit.pipeline import convert as converting
from edgekit.pipeline.request import Request
from edgekit_converters.quantize import session as quantizing

SAMPLES = 100
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
STAGES = (
    ("edgekit_converters.framework:FrameworkSession", "load", "source process: start TensorFlow, load the model"),
    ("edgekit_converters.framework:FrameworkSession", "export", "source process: export as float32 .tflite"),
    ("edgekit_converters.framework:FrameworkSession", "predict", "source process: golden outputs"),
    ("edgekit_converters.quantize.calibrate", "calibrate", "quantizer: calibrate"),
    ("edgekit_converters.quantize.biases", "correct_biases", "quantizer: correct biases"),
    ("edgekit_converters.quantize.compare", "compare_tensors", "quantizer: compare tensors"),
    ("edgekit.pipeline.work", "quantize", "quantizer: write the INT8 file, and the rest"),
    ("edgekit_converters.evaluate.session:ExportedSession", "open", "interpreter's process: start, open the file"),
    ("edgekit_converters.evaluate.session:ExportedSession", "run", "interpreter's process: golden outputs"),
    ("edgekit.pipeline.convert", "assemble", "edgekit's process: put the bundle together"),
)
REST = "edgekit's process: the rest"


class Ledger:
    """Processor time by stage; a stage inside another is not counted to the outer one."""

    def __init__(self) -> None:
        self.seconds = {stage: 0.0 for *_, stage in STAGES} | {REST: 0.0}
        self._open = [REST]
        self._since = tree_cpu_s()

    def timed(self, function: Callable[..., Any], stage: str) -> Callable[..., Any]:
        """The same function, with its time taken."""

        def run(*args: Any, **options: Any) -> Any:
            self.turn_to(stage)
            try:
                return function(*args, **options)
            finally:
                self.turn_back()

        return run

    def turn_to(self, stage: str) -> None:
        """Begin a stage."""
        self._book()
        self._open.append(stage)

    def turn_back(self) -> None:
        """End the stage, and go on with the one around it."""
        self._book()
        self._open.pop()

    def _book(self) -> None:
        now = tree_cpu_s()
        self.seconds[self._open[-1]] += now - self._since
        self._since = now


class Here:
    """Takes the place of the quantizer's child, so that its stages can be told apart."""

    def __init__(self, *_: object, **__: object) -> None:
        """There is nothing to start."""

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to end."""

    def call(self, _: str, payload: dict[str, Any], *, on_progress: Callable[[Any], None]) -> dict[str, Any]:
        """Do it in this process."""
        return quantizing.on_quantize(payload, on_progress)


def tree_cpu_s() -> float:
    """Processor time of this process and its children, those at work included."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(part.ru_utime + part.ru_stime for part in used) + _live_children_s()


def _live_children_s() -> float:
    total = 0.0
    for pid in Path("/proc/self/task", str(os.getpid()), "children").read_text(encoding="ascii").split():
        fields = Path("/proc", pid, "stat").read_text(encoding="ascii").rpartition(")")[2].split()
        total += sum(map(int, fields[11:15])) * TICK_S  # utime, stime, and those of children it waited for
    return total


def main() -> None:
    """Convert once, with every stage timed."""
    ledger = Ledger()
    for place, name, stage in STAGES:
        owner = resolve_name(place)
        setattr(owner, name, ledger.timed(getattr(owner, name), stage))
    quantizing.Child = Here  # type: ignore[assignment,misc]  # has what is used of it
    answer, model, data, output = map(Path, sys.argv[1:])
    before_s = time.process_time()  # start of Python, imports
    converting.convert(Request(model, "raspberry-pi-4b", "int8", calibrate=data, samples=SAMPLES, output=output))
    ledger.turn_to(REST)
    ledger.seconds[REST] += before_s
    answer.write_text(json.dumps(ledger.seconds), encoding="utf-8")


main()
