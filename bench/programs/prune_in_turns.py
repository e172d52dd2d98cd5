"""Processor seconds of taking channels out of MobileNetV2, by edgekit and by torch-pruning, in turns, one thread.

prune_in_turns.py ANSWER.json MODELS.py
"""

from __future__ import annotations

import copy
import json
import runpy
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
import torch_pruning

from edgekit_converters.compress.prune import prune_model
from edgekit_converters.compress.settings import L2, PruneSettings
from edgekit_converters.settings import NamedShape, SourceSettings
from edgekit_converters.torch.compressible import CompressibleModel
from edgekit_converters.torch.inputs import find_forward

ROUNDS = 5
SHAPE = (1, 3, 224, 224)
SHARE, RATIO = 0.5, 0.31  # of the MACs, and of the channels, which comes to the same


def edgekit(module: Any) -> Callable[[], object]:
    """Graph, importance, widths for the share, surgery; it tells the MACs before and after."""
    settings = SourceSettings("models.py:MobileNetV2", "torch-code", shapes=(NamedShape("image", SHAPE),))
    model = CompressibleModel(find_forward(module, settings), "models.py:MobileNetV2")
    return lambda: prune_model(model, PruneSettings(share=SHARE, importance=L2), lambda _: None).share


def bare(module: Any) -> Callable[[], object]:
    """The pruner alone; how many MACs leave is not known."""
    example = torch.rand(SHAPE)

    def run() -> None:
        importance = torch_pruning.importance.GroupMagnitudeImportance(p=2)
        layers = [module.classifier[1]]
        torch_pruning.pruner.MagnitudePruner(
            module, example, importance=importance, pruning_ratio=RATIO, ignored_layers=layers
        ).step()

    return run


def counted(module: Any) -> Callable[[], object]:
    """The same between two counts of MACs, as its own guide does it."""
    example, prune = torch.rand(SHAPE), bare(module)

    def run() -> float:
        before, _ = torch_pruning.utils.count_ops_and_params(module, example)
        prune()
        after, _ = torch_pruning.utils.count_ops_and_params(module, example)
        return 1 - after / before

    return run


torch.set_num_threads(1)
source = runpy.run_path(sys.argv[2])["MobileNetV2"]().eval()
ways = {"edgekit": edgekit, "bare": bare, "counted": counted}
seconds: dict[str, list[float]] = {name: [] for name in ways}
answer: dict[str, float] = {}
for number in range(ROUNDS + 1):
    for name in sorted(ways, reverse=bool(number % 2)):
        work = ways[name](copy.deepcopy(source))
        began = time.process_time()
        result = work()
        if number:  # the first warms up
            seconds[name].append(time.process_time() - began)
        if isinstance(result, float):
            answer[f"{name}_share"] = result
answer |= {f"{name}_ms": median(times) * 1e3 for name, times in seconds.items()}
Path(sys.argv[1]).write_text(json.dumps(answer), encoding="utf-8")
