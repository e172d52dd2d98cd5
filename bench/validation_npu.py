"""Hold what edgekit predicts of accelerators against latencies that others published."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from edgekit_targets.catalog import load_profile
from edgekit_targets.estimate.npu.roofline import sustained_times
from edgekit_targets.estimate.ranges import ON_EDGETPU, SHORT, SHORT_MS, Trust
from edgekit_targets.estimate.work import Load
from edgekit_targets.npu import Link, Npu

FOLDER = Path(__file__).parent
PUBLISHED, MODELS = FOLDER / "published_npu.toml", FOLDER / "models_npu.toml"
KIB = 1024
US_PER_MS = 1e3


@dataclass(frozen=True)
class NpuRow:
    """A published latency on an accelerator, beside the predicted one.

    Attributes:
        table: The publication it stands in.
        role: `fitted` or `tested`.
        source: Where it was published.
        model: Which model.
        published_ms: The published latency.
        predicted_ms: What edgekit's formula says.
    """

    table: str
    role: str
    source: str
    model: str
    published_ms: float
    predicted_ms: float

    @property
    def ratio(self) -> float:
        """Published over predicted."""
        return self.published_ms / self.predicted_ms

    @property
    def trust(self) -> Trust:
        """The range that is printed, as factors of the prediction."""
        return SHORT if self.predicted_ms < SHORT_MS else ON_EDGETPU

    @property
    def inside(self) -> bool:
        """Whether the published latency lies in it."""
        return self.trust.low <= self.ratio <= self.trust.high


def read_npu_rows() -> tuple[NpuRow, ...]:
    """Every published row, with what edgekit predicts of it."""
    tables = tomllib.loads(PUBLISHED.read_text(encoding="utf-8"))["table"]
    return tuple(row for table in tables for row in _rows(table))


def _rows(table: dict[str, object]) -> Iterator[NpuRow]:
    models = tomllib.loads(MODELS.read_text(encoding="utf-8"))
    profile = load_profile(str(table["target"])).profile
    npu, link, published = profile.npu, profile.link, table["published"]
    assert npu is not None
    assert link is not None
    assert isinstance(published, dict)
    if "link_mb_s" in table:
        link = _faster(link, float(str(table["link_mb_s"])))
    for model, latency in published.items():
        predicted_ms = _predicted_us(models[model], npu, link) / US_PER_MS
        name, role, source = (str(table[key]) for key in ("name", "role", "source"))
        yield NpuRow(name, role, source, model, float(latency), predicted_ms)


def _faster(link: Link, bandwidth_mb_s: float) -> Link:
    assert link.bandwidth_mb_s is not None
    return replace(link, bandwidth_mb_s=replace(link.bandwidth_mb_s, value=bandwidth_mb_s))


def _predicted_us(told: dict[str, int], npu: Npu, link: Link) -> float:
    """All operators on the accelerator: their sums, for nothing overlaps there."""
    load = Load(
        place=0,
        name="",
        output="",
        precision="int8",
        dense_macs=told["dense_macs"],
        depthwise_macs=told["depthwise_macs"],
        weight_bytes=told["weight_bytes"],
        activation_bytes=told["activation_bytes"],
    )
    assert npu.sram_kib is not None
    assert link.bandwidth_mb_s is not None
    streamed = max(0, told["weight_bytes"] - npu.sram_kib.value * KIB)
    over = (streamed + told["border_bytes"]) / link.bandwidth_mb_s.value
    return sum(sustained_times(load, npu).values()) + over + (link.latency_us.value if link.latency_us else 0.0)
