"""What a server counts, and how it tells Prometheus."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from edgekit_runtime.child import resident_bytes
from edgekit_runtime.conditions import SINCE_BOOT, THROTTLE_BITS, Conditions
from edgekit_runtime.figure import Figure
from edgekit_runtime.metrics import Histogram, Metric, Sample, counted
from edgekit_runtime.serve_predict import Answered

MHZ = 1e6


@dataclass(frozen=True)
class Gauges:
    """What a server is like at one time.

    Attributes:
        ready: Whether it takes requests.
        connections: Clients that are connected.
        waiting: Requests that wait.
        queue_limit: How many may.
        cache_entries: Results that are kept.
        cache_bytes: Bytes of them.
    """

    ready: bool
    connections: int
    waiting: int
    queue_limit: int
    cache_entries: int
    cache_bytes: int


class ServeMetrics:
    """Counts what a server does.

    Args:
        model: Labels of the model that is served.
    """

    def __init__(self, model: tuple[tuple[str, str], ...]) -> None:
        self._model = model
        self._started_s = time.time()
        self._responses: Counter[str] = Counter()
        self._rejected = 0
        self._samples = 0
        self._hits = self._misses = 0
        self.requests = Histogram()
        self.inferences = Histogram()

    @property
    def answered(self) -> int:
        """Requests that were answered, however."""
        return sum(self._responses.values())

    def responded(self, status: int) -> None:
        """Count an answer of any kind."""
        self._responses[str(status)] += 1

    def rejected(self) -> None:
        """Count a request that found the queue full."""
        self._rejected += 1

    def predicted(self, answered: Answered, elapsed_s: float) -> None:
        """Count a request to the model.

        Args:
            answered: What came of it.
            elapsed_s: From when it was whole to when it was answered.
        """
        self.requests.add(elapsed_s)
        self._samples += answered.samples if answered.response.status == 200 else 0
        if answered.inference_s:
            self.inferences.add(answered.inference_s)
        if answered.cached is not None:
            self._hits += answered.cached
            self._misses += not answered.cached

    def metrics(self, gauges: Gauges, conditions: Conditions) -> Iterator[Metric]:
        """All metrics.

        Args:
            gauges: The server as it is now.
            conditions: The device as it is now.
        """
        yield _one("edgekit_model_info", "gauge", "The model that is served.", 1, self._model)
        yield _one("edgekit_ready", "gauge", "Whether requests are taken: 1 or 0.", int(gauges.ready))
        yield Metric(
            "edgekit_responses_total", "counter", "Answers by HTTP status.", counted(self._responses, "status")
        )
        yield Metric(
            "edgekit_request_duration_seconds",
            "histogram",
            "From a whole request to the model to its answer, waiting included.",
            self.requests.samples(),
        )
        yield Metric(
            "edgekit_inference_duration_seconds",
            "histogram",
            "The model's part of a request, with its own preparation; requests answered from the cache left out.",
            self.inferences.samples(),
        )
        yield _one("edgekit_samples_total", "counter", "Samples that were answered.", self._samples)
        yield _one("edgekit_rejected_total", "counter", "Requests refused because the queue was full.", self._rejected)
        yield _one("edgekit_queue_length", "gauge", "Requests that wait for the model.", gauges.waiting)
        yield _one("edgekit_queue_limit", "gauge", "Requests that may wait.", gauges.queue_limit)
        yield _one("edgekit_connections", "gauge", "Clients that are connected.", gauges.connections)
        yield _one("edgekit_cache_hits_total", "counter", "Requests answered from the cache.", self._hits)
        yield _one("edgekit_cache_misses_total", "counter", "Requests whose result was not kept.", self._misses)
        yield _one("edgekit_cache_entries", "gauge", "Results that are kept.", gauges.cache_entries)
        yield _one("edgekit_cache_bytes", "gauge", "Bytes of the results that are kept.", gauges.cache_bytes)
        yield from self._process()
        yield from _device(conditions)

    def _process(self) -> Iterator[Metric]:
        size = resident_bytes(os.getpid())
        name, text = "process_resident_memory_bytes", "Resident memory of the server."
        yield Metric(name, "gauge", text, (), "no /proc here") if size is None else _one(name, "gauge", text, size)
        yield _one(
            "process_cpu_seconds_total", "counter", "Processor time of the server, all threads.", time.process_time()
        )
        yield _one("process_start_time_seconds", "gauge", "When it began, since 1970.", self._started_s)


def _device(conditions: Conditions) -> Iterator[Metric]:
    yield _figure("edgekit_temperature_celsius", "Temperature of the processor.", conditions.temperature_c, 1.0)
    yield _figure("edgekit_clock_hertz", "Clock of the first processor.", conditions.clock_mhz, MHZ)
    bits, reason = conditions.throttling.bits, conditions.throttling.reason
    samples = tuple(
        Sample(int(bits is not None and bool(bits & 1 << place + shift)), (("cause", cause), ("when", when)))
        for when, shift in (("now", 0), ("since boot", SINCE_BOOT))
        for place, cause in enumerate(THROTTLE_BITS)
    )
    text = "Whether the firmware holds the processor back: 1 or 0, by cause."
    yield Metric("edgekit_throttled", "gauge", text, samples if bits is not None else (), reason)


def _one(name: str, kind: str, text: str, value: float, labels: tuple[tuple[str, str], ...] = ()) -> Metric:
    return Metric(name, kind, text, (Sample(value, labels),))


def _figure(name: str, text: str, figure: Figure, factor: float) -> Metric:
    if figure.value is None:
        return Metric(name, "gauge", text, (), figure.reason)
    return _one(name, "gauge", text, figure.value * factor)
