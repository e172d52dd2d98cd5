"""What pruning costs beside torch-pruning by itself, and how much faster pruned networks run."""

from __future__ import annotations

import tempfile
from pathlib import Path

from figures import Row, Section, Target
from models import REPOSITORY
from pairs import Pair, ratio_row
from usage import PROGRAMS, run_program

COST = Target(1.2)
FASTER = {"float32": Target(1 / 1.4), "int8": Target(1 / 1.2)}
NOT_SLOWER = Target(1.0)
PAIRS, QUICK_PAIRS = 5, 1
MODELS = REPOSITORY / "tests/torch_models.py"
NETWORKS = {"resnet20": "ResNet20", "residual": "residual CNN", "mobilenet": "MobileNetV2"}


def pruning(quick: bool) -> Section:
    """Take half of MobileNetV2's MACs out with both."""
    found = [run_program("prune_in_turns.py", MODELS) for _ in range(QUICK_PAIRS if quick else PAIRS)]
    shares = f"edgekit removed {found[0]['edgekit_share']:.1%}, torch-pruning {found[0]['counted_share']:.1%}."
    counted = [Pair(one["edgekit_ms"], one["counted_ms"]) for one in found]
    bare = [Pair(one["edgekit_ms"], one["bare_ms"]) for one in found]
    return Section(
        "Pruning of MobileNetV2 from PyTorch",
        "Graph, importance by L2 and surgery, in one process with one thread, in turns: medians of 5 after one to warm "
        "up, and as many processes as there are pairs. edgekit finds the widths for half of the MACs, tries whether "
        "the module runs without them, and tells the MACs before and after. torch-pruning's MagnitudePruner gets the "
        "share of channels that comes to the same, once between two counts of MACs, as its guide has it, once bare. "
        + shares,
        (f"python {PROGRAMS.relative_to(REPOSITORY)}/prune_in_turns.py ANSWER.json tests/torch_models.py",),
        (
            ratio_row("processor time, beside torch-pruning with its counts", "ms", counted, COST),
            ratio_row("processor time, beside torch-pruning bare", "ms", bare, COST),
        ),
    )


def pruned_latency(quick: bool) -> Section:
    """Run networks whole and with half of their MACs."""
    pairs = QUICK_PAIRS if quick else PAIRS
    rows = [row for name, called in NETWORKS.items() for row in _rows(name, called, pairs)]
    return Section(
        "Latency of pruned networks",
        "PyTorch networks with random weights, whole, with half of their MACs removed in widths of multiples of 8, and "
        "with as many MACs removed in widths of any number. A pair is one process with one thread that holds both "
        "files and runs them in turns, 20 ms each, 50 times; every second process opens the other file first.",
        (
            "python bench/programs/make_pruned.py ANSWER.json . NAME FOLDER",
            "python bench/programs/latency_in_turns.py ANSWER.json FOLDER/aligned-int8.tflite FOLDER/whole-int8.tflite",
        ),
        tuple(rows),
    )


def _rows(name: str, called: str, pairs: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        left = run_program("make_pruned.py", REPOSITORY, name, folder)
        rows = []
        for scheme, target in FASTER.items():
            whole, aligned, unaligned = (Path(folder, f"{one}-{scheme}.tflite") for one in ("whole", *left))
            what = f"{called} {scheme} with {left['aligned']:.1%} of its MACs"
            rows.append(ratio_row(f"{what}, beside the whole", "ms", _in_turns(aligned, whole, pairs), target))
            beside = f"{what}, beside {left['unaligned']:.1%} unaligned"
            rows.append(ratio_row(beside, "ms", _in_turns(aligned, unaligned, pairs), NOT_SLOWER))
    return rows


def _in_turns(one: Path, other: Path, pairs: int) -> list[Pair]:
    found = []
    for number in range(pairs):
        files = (other, one) if number % 2 else (one, other)
        answer = run_program("latency_in_turns.py", *files)
        times = answer["first_ms"], answer["second_ms"]
        found.append(Pair(*(times[::-1] if number % 2 else times)))
    return found
