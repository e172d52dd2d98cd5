"""What a model is after a step: size, multiply-accumulates, accuracy, and what it will cost on the target."""

from __future__ import annotations

from pathlib import Path

from edgekit_converters.trail import StepResult
from edgekit_runtime.figure import Figure
from edgekit_targets.profile import Profile


def measure_file(
    step: str, detail: str, model: Path, profile: Profile, parameters: int, metric: Figure | None
) -> StepResult:
    """Tell what a file is.

    Args:
        step: What was done.
        detail: How, in words.
        model: A finished `.tflite` or `.onnx` file.
        profile: The target.
        parameters: How many numbers the network learned.
        metric: How it does on the evaluation data.
    """
    from edgekit_targets.estimate.estimate import estimate
    from edgekit_targets.estimate.subject import subject_of
    from edgekit_targets.graph.read import read_graph
    from edgekit_targets.graph.summary import summarize

    graph, size = read_graph(model), model.stat().st_size
    cost = estimate(subject_of(graph, size), profile)
    macs = summarize(graph).macs
    return StepResult(step, detail, size, parameters, macs, metric, cost.latency, cost.latency_range_ms)
