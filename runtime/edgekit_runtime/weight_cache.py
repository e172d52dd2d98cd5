"""How much sooner a model is loaded when XNNPACK finds its packed weights in a file."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from edgekit_runtime.codec import encode
from edgekit_runtime.handover import ProbeRequest
from edgekit_runtime.processes import call_process
from edgekit_runtime.progress import Progress
from edgekit_runtime.readings import REPETITIONS, WeightCache

STAGE = "load with a weight cache"


def measure_weight_cache(stage: str, request: ProbeRequest, timeout_s: float, progress: Progress) -> WeightCache:
    """Load a model in fresh processes, in turn without a cache and with one that an earlier process wrote.

    Args:
        stage: What is being done, for the user.
        request: The model.
        timeout_s: Seconds after which one process is given up.
        progress: Told of each pair of processes.

    Raises:
        ModelError: The interpreter has no weight cache, refuses the model, dies of it, or does not come back in time.
    """

    def load_ns(cache: str) -> int:
        answer = call_process("probe", stage, encode(replace(request, weight_cache=cache)), timeout_s, "load")
        return int(answer["ns"])

    with tempfile.TemporaryDirectory(prefix="edgekit-weights-") as folder:
        cache = Path(folder) / "weights"
        progress(STAGE, 0, REPETITIONS)
        load_ns(str(cache))
        if not cache.exists() or not cache.stat().st_size:
            return WeightCache(reason="the interpreter wrote no weight cache for this model")
        uncached, cached = [], []
        for done in range(1, REPETITIONS + 1):
            uncached.append(load_ns(""))
            cached.append(load_ns(str(cache)))
            progress(STAGE, done, REPETITIONS)
        return WeightCache(tuple(uncached), tuple(cached), cache.stat().st_size)
