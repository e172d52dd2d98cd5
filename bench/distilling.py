"""What a teacher adds to training: paired differences over seeds, with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import mean, stdev

from figures import Row, Section, Target
from usage import run_program

from edgekit_runtime.figure import Interval, measured
from edgekit_runtime.stats import student_t_quantile

SEEDS, QUICK_SEEDS = 5, 2
POINTS = "points"
POSITIVE = Target(math.inf, 0.0)
TASKS = (
    ("digits", "digits, half of the MACs pruned away, 3 epochs", None),
    ("made", "made task, 100 labels beside a teacher of 2,000 points", POSITIVE),
)


def distilling(quick: bool) -> Section:
    """Train the same students with a teacher and without."""
    seeds = range(QUICK_SEEDS if quick else SEEDS)
    rows = []
    for task, what, target in TASKS:
        found = [run_program("learn.py", task, str(seed)) for seed in seeds]
        rows += _rows(what, found, target)
    return Section(
        "A teacher beside labels alone",
        "Share of right answers on samples that nobody learned from: students with a teacher beside the same students "
        "without, seed by seed. Digits: scikit-learn's, 1,297 train and 500 evaluate; the network before pruning "
        "teaches what is left of it, with the same labels. Made: points of 10 numbers in 5 classes; plain training has "
        "100 of them with labels; the teacher, which saw 20,000, answers 2,000 without labels.",
        ("python bench/programs/learn.py OUT.json digits 0", "python bench/programs/learn.py OUT.json made 0"),
        tuple(rows),
    )


def _rows(what: str, found: Sequence[dict[str, float]], target: Target | None) -> list[Row]:
    taught, plain, teacher = ([100 * one[side] for one in found] for side in ("taught", "plain", "teacher"))
    differences = [with_help - without for with_help, without in zip(taught, plain, strict=True)]
    half = student_t_quantile(0.975, len(differences) - 1) * stdev(differences) / math.sqrt(len(differences))
    middle = mean(differences)
    compared = measured(
        middle,
        POINTS,
        f"mean of the paired differences, Student's t interval {middle - half:+.2f} to {middle + half:+.2f}",
        Interval(middle - half, middle + half),
    )
    sides = [measured(mean(values), "%", "mean over seeds") for values in (taught, plain, teacher)]
    rows = [
        Row(what, sides[0], sides[1], compared, None, len(found)),
        Row("— its teacher", sides[2], None, None, None, len(found)),
    ]
    if target is not None:
        least = measured(middle - half, POINTS, "lower end of the interval of the difference")
        rows.append(Row("— what the teacher adds at least", least, None, least, target, len(found)))
    return rows
