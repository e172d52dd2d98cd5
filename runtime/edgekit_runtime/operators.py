"""How long each operator of a model takes, by the best way that this device has."""

from __future__ import annotations

from dataclasses import replace

from edgekit_runtime.codec import decode, encode
from edgekit_runtime.errors import EdgekitError
from edgekit_runtime.processes import call_process
from edgekit_runtime.progress import Progress
from edgekit_runtime.readings import OperatorTimes
from edgekit_runtime.runs import Workload

# By the model's format; each way runs in a process of its own, the next one where it fails.
WAYS = {"tflite": ("litert", "cut"), "onnx": ("onnx",)}
STAGE = "time operators"


def measure_operators(stage: str, workload: Workload, progress: Progress) -> OperatorTimes:
    """Time the operators of a model, apart from the runs that are timed as a whole.

    Args:
        stage: What is being done, for the user.
        workload: The model, and how to run it.
        progress: Told when it begins and ends.

    Returns:
        The times; why a better way failed is part of the method. Or the reason why no way did.
    """
    progress(STAGE, 0, 1)
    faults: list[str] = []
    for way in WAYS.get(workload.format, ()):
        try:
            answer = call_process("operators", stage, encode(workload), workload.settings.timeout_s, way)
        except EdgekitError as error:
            faults.append(error.message.rstrip("."))
            continue
        progress(STAGE, 1, 1)
        found = decode(OperatorTimes, answer)
        return replace(found, method="; ".join([found.method, *faults])) if found.method else found
    progress(STAGE, 1, 1)
    return OperatorTimes(reason="; ".join(faults) or f"no way to time the operators of {workload.format} is known")
