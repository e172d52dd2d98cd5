"""The runtime's measuring process, one run at a time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from usage import run_program

from edgekit_runtime.codec import encode
from edgekit_runtime.handover import PrepareRequest
from edgekit_runtime.prepare import prepare
from edgekit_runtime.runs import BenchSettings


@dataclass(frozen=True)
class Measured:
    """What one measuring process gave, and what it cost.

    Attributes:
        p5_ms: Latency that 5 % of the inferences stay below.
        p50_ms: Median latency.
        warmups: Inferences that were not counted, the first included.
        samples: Counted inferences.
        cpu_s: Processor time of the process.
        peak_rss_bytes: Its highest resident memory.
    """

    p5_ms: float
    p50_ms: float
    warmups: int
    samples: int
    cpu_s: float
    peak_rss_bytes: int


class Measuring:
    """Measures one model, as `edgekit bench` does in each of its processes.

    Args:
        model: The `.tflite` file.
        folder: Where the inputs and the request go.
        settings: How to measure.
    """

    def __init__(self, model: Path, folder: str, settings: BenchSettings | None = None) -> None:
        settings = settings or BenchSettings()
        prepared = prepare(PrepareRequest(str(model), None, settings.threads, settings.seed, folder))
        self.inputs = tuple(map(Path, prepared.inputs))
        self._request = Path(folder, "request.json")
        request = {
            "model": str(model),
            "format": prepared.format,
            "inputs": list(prepared.inputs),
            "settings": encode(settings),
        }
        self._request.write_text(json.dumps(request), encoding="utf-8")

    def run(self) -> Measured:
        """Measure in a fresh process."""
        answer = run_program("measuring_process.py", self._request)
        return Measured(
            p5_ms=answer["p5_ns"] / 1e6,
            p50_ms=answer["p50_ns"] / 1e6,
            warmups=int(answer["warmups"]),
            samples=int(answer["samples"]),
            cpu_s=answer["cpu_s"],
            peak_rss_bytes=int(answer["peak_rss_bytes"]),
        )
