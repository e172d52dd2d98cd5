"""Choose the golden samples, and say how far a device may lie from their outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgekit.pipeline.plan import Plan
from edgekit_converters.binding import Border
from edgekit_converters.data.source import open_drawn
from edgekit_converters.settings import DataSettings
from edgekit_converters.source import SourceInfo
from edgekit_runtime.manifest import Binding, OutputBinding, Tolerance

GOLDEN_SAMPLES = 4

# Found with MobileNetV1 0.25 on x86-64 and on emulated Cortex-A53, A72 and A76: INT8 through XNNPACK is the
# same to the bit, other kernels lie one step away, and float sums 1e-7 of the range.
EXACT, ONE_STEP = 0.0, 1.0
FLOAT_SHARE, INNER_INT8_SHARE = 1e-5, 1e-2


def write_golden_inputs(plan: Plan, info: SourceInfo, path: Path) -> str:
    """Write the golden inputs as `.npz` data, and say where they come from.

    Returns:
        `calibration`, `evaluation` or `synthetic`.
    """
    for kind, settings in (("calibration", plan.calibration), ("evaluation", plan.evaluation)):
        if settings is not None:
            _write(path, _real(settings, info))
            return kind
    _write(path, _synthetic(info, plan.request.seed))
    return "synthetic"


def golden_data(path: Path) -> DataSettings:
    """All of the golden inputs, as data."""
    return DataSettings(str(path), None, 0)


def bind_outputs(border: Border, scheme: str, kernels: str) -> tuple[OutputBinding, ...]:
    """Give each output its tolerance."""
    return tuple(OutputBinding(b.source, b.stored, _tolerance(b, scheme, kernels)) for b in border.outputs)


def _tolerance(binding: Binding, scheme: str, kernels: str) -> Tolerance:
    if binding.stored.dtype == "int8":
        return Tolerance("step", EXACT if kernels == "xnnpack" else ONE_STEP, ONE_STEP)
    inner = INNER_INT8_SHARE if scheme == "int8" else FLOAT_SHARE
    return Tolerance("range", FLOAT_SHARE, inner)


def _real(settings: DataSettings, info: SourceInfo) -> dict[str, np.ndarray]:
    source, indexes = open_drawn(settings, info.inputs, info.outputs)
    step = max(1, len(indexes) // GOLDEN_SAMPLES)
    samples = list(source.read(indexes[::step][:GOLDEN_SAMPLES]))
    return {spec.name: np.stack([sample.inputs[spec.name] for sample in samples]) for spec in info.inputs}


def _synthetic(info: SourceInfo, seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {spec.name: random.random((GOLDEN_SAMPLES, *spec.sample_shape)).astype(spec.dtype) for spec in info.inputs}


def _write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    with open(path, "wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
