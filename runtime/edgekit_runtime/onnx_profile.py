"""The times of operators out of the profile that onnxruntime writes."""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgekit_runtime.errors import ModelError
from edgekit_runtime.onnx import record_profile
from edgekit_runtime.readings import OperatorTime, OperatorTimes
from edgekit_runtime.stats import middle_mean, quantile

METHOD = "onnxruntime's profiler, whole µs of each operator, mean of the middle half of the inferences"
ENDING = "_kernel_time"  # of the events that are the run of a node
RUNNING_GRAPHS = ("If", "Loop", "Scan")
WARM_UP = 3


def profile(path: str, values: Sequence[np.ndarray], threads: int, inferences: int, whole_ns: float) -> OperatorTimes:
    """Time the operators of an `.onnx` file, as onnxruntime runs it: fused where it fuses them.

    Args:
        path: The file.
        values: One for each input.
        threads: Threads of the kernels.
        inferences: How many to time.
        whole_ns: Median time of an inference without this.

    Raises:
        ModelError: onnxruntime refuses the file, or writes no profile that can be read.
    """
    with tempfile.TemporaryDirectory(prefix="edgekit-profile-") as folder:
        found = record_profile(path, values, threads, WARM_UP + inferences, folder)
        rows = read_profile(Path(found.path).read_text(encoding="utf-8"), WARM_UP)
    return OperatorTimes(METHOD, rows, (), inferences, whole_ns, quantile(found.times_ns[WARM_UP:], 0.5))


def read_profile(text: str, warm_up: int) -> tuple[OperatorTime, ...]:
    """The mean time of each node, in the order in which they first ran.

    Args:
        text: The profile: a list of events in the form of Chrome's traces.
        warm_up: Runs of each node that are left out.

    Raises:
        ModelError: It is no such profile, or tells of no node.
    """
    kinds: dict[str, str] = {}
    times: dict[str, list[int]] = defaultdict(list)
    try:
        runs = [each for each in json.loads(text) if each.get("cat") == "Node" and each["name"].endswith(ENDING)]
        until = -1
        for run in sorted(runs, key=lambda run: (int(run["ts"]), -int(run["dur"]))):
            begin, taken, kind = int(run["ts"]), int(run["dur"]), str(run["args"]["op_name"])
            if begin + taken <= until:
                continue  # of a graph that the node before runs, whose time holds it
            until = begin + taken if kind in RUNNING_GRAPHS else until
            kinds.setdefault(run["name"], kind)
            times[run["name"]].append(taken)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise ModelError(f"onnxruntime's profile cannot be read: {error}.") from error
    kept = {node: values[warm_up:] for node, values in times.items() if len(values) > warm_up}
    if not kept:
        raise ModelError("onnxruntime's profile tells of no operator.")
    return tuple(
        OperatorTime(place, kinds[node], node[: -len(ENDING)], 1000.0 * middle_mean(values))
        for place, (node, values) in enumerate(kept.items())
    )
