"""Counters, gauges and histograms in the text form that Prometheus scrapes."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

# Of Prometheus' own client libraries, with finer ones below: an inference takes from 50 µs on.
SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


@dataclass(frozen=True)
class Sample:
    """One value of a metric.

    Attributes:
        value: The value.
        labels: What tells it from the metric's other values.
        suffix: What follows the metric's name, such as `_bucket`.
    """

    value: float
    labels: tuple[tuple[str, str], ...] = ()
    suffix: str = ""


@dataclass(frozen=True)
class Metric:
    """A metric with all its values.

    Attributes:
        name: Its name.
        kind: `counter`, `gauge` or `histogram`.
        help: What it is.
        samples: Its values.
        missing: Why it has no values; told as a comment, which scrapers pass over.
    """

    name: str
    kind: str
    help: str
    samples: tuple[Sample, ...]
    missing: str = ""


class Histogram:
    """Counts durations by their upper bounds.

    Args:
        bounds: The bounds in seconds, growing.
    """

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0

    @property
    def count(self) -> int:
        """How many were counted."""
        return sum(self._counts)

    @property
    def mean(self) -> float:
        """Their mean in seconds; 0 where there is none."""
        return self._sum / self.count if self.count else 0.0

    def add(self, seconds: float) -> None:
        """Count one duration; a bound is the largest that still counts for it."""
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum += seconds

    def samples(self) -> tuple[Sample, ...]:
        """Cumulative counts for each bound, the sum, and the count."""
        total, found = 0, []
        for bound, count in zip((*self._bounds, math.inf), self._counts):
            total += count
            found.append(Sample(total, (("le", _number(bound)),), "_bucket"))
        return (*found, Sample(self._sum, (), "_sum"), Sample(total, (), "_count"))


def counted(counts: Mapping[str, int], label: str) -> tuple[Sample, ...]:
    """The values of a counter that is kept by one label, sorted."""
    return tuple(Sample(count, ((label, value),)) for value, count in sorted(counts.items()))


def exposition(metrics: Iterable[Metric]) -> str:
    """The text of some metrics; Prometheus, "Exposition formats", version 0.0.4."""
    return "".join(line + "\n" for metric in metrics for line in _lines(metric))


def _lines(metric: Metric) -> Iterable[str]:
    text = metric.help.replace("\\", "\\\\").replace("\n", "\\n")
    yield f"# HELP {metric.name} {text}"
    yield f"# TYPE {metric.name} {metric.kind}"
    if metric.missing:
        yield f"# {metric.name} is unavailable: {' '.join(metric.missing.split())}"
    for sample in metric.samples:
        labels = ",".join(f'{name}="{value.translate(ESCAPES)}"' for name, value in sample.labels)
        yield f"{metric.name}{sample.suffix}{f'{{{labels}}}' if labels else ''} {_number(sample.value)}"


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))
