"""Processor time of an estimate, or a check, of made graphs: of 30 operators, of ten and of a hundred times as many."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from edgekit_targets.catalog import load_profile
from edgekit_targets.check import check_graph
from edgekit_targets.estimate.estimate import estimate
from edgekit_targets.estimate.subject import subject_of
from edgekit_targets.graph.graph import Graph, Operator, Subgraph, Tensor
from edgekit_targets.profile import Profile

OPERATORS = 30
TIMES = (1, 10, 100)
REPEATS = 5
WEIGHTS = memoryview(bytes(64 * 64))


def chain(operators: int) -> Graph:
    """Convolutions one behind the other, every third with an addition of what stands two before it."""
    tensors = [Tensor("input", (1, 28, 28, 64), "int8")]
    steps = []
    last = 0
    for step in range(operators):
        output = len(tensors)
        tensors.append(Tensor(f"x{step}", (1, 28, 28, 64), "int8"))
        if step % 3 == 2:
            steps.append(Operator("ADD", (last, steps[-2].outputs[0]), (output,)))
        else:
            tensors.append(Tensor(f"w{step}", (64, 1, 1, 64), "int8", data=WEIGHTS, storage=step))
            steps.append(Operator("CONV_2D", (last, output + 1), (output,)))
        last = output
    return Graph("tflite", (Subgraph("", tuple(tensors), (0,), (last,), tuple(steps)),))


def estimated(graph: Graph, profile: Profile) -> None:
    """Estimate a graph."""
    estimate(subject_of(graph, 1), profile)


def checked(graph: Graph, profile: Profile) -> None:
    """Check a graph; its file is looked at for its length alone."""
    check_graph(graph, Path(__file__), "made", profile)


VERBS: dict[str, Callable[[Graph, Profile], None]] = {"estimate": estimated, "check": checked}


def main() -> None:
    """Write the seconds for each size; what is done, and for which target, are the arguments."""
    verb, profile = VERBS[sys.argv[2]], load_profile(sys.argv[3]).profile
    answer = {}
    for times in TIMES:
        graph = chain(OPERATORS * times)
        taken = []
        for _ in range(REPEATS):
            begin = time.process_time()
            verb(graph, profile)
            taken.append(time.process_time() - begin)
        answer[str(times)] = min(taken)
    Path(sys.argv[1]).write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main()
