"""The quantization session: calibrate, quantize and compare in a child process, on files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from edgekit_converters.binding import Border, open_exported
from edgekit_converters.data.source import DataSource, open_drawn
from edgekit_converters.quantize.trail import QuantizationTrail
from edgekit_converters.settings import DataSettings, QuantizeSettings
from edgekit_converters.source import SourceInfo
from edgekit_runtime.child import Child, Report
from edgekit_runtime.codec import decode, encode
from edgekit_runtime.progress import Progress

COMPARED_SAMPLES = 4
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}  # its other threads only wait, at full load: every sum here is short


def quantize(
    float_model: Path,
    output: Path,
    info: SourceInfo,
    settings: QuantizeSettings,
    data: DataSettings,
    *,
    progress: Progress,
    on_log: Callable[[str], None] | None = None,
) -> QuantizationTrail:
    """Quantize a float `.tflite` in a child process.

    Args:
        float_model: The float file.
        output: Where to write the quantized one.
        info: The source that the float file was exported from.
        settings: The scheme.
        data: Calibration samples.
        progress: Told while calibrating.
        on_log: Takes each line of the child's log.

    Raises:
        ConversionError: The engine refuses.
        DataError: The samples make an activation NaN or infinite.
    """
    argv = [sys.executable, "-m", "edgekit_converters.quantize"]
    payload = {
        "float_model": str(float_model),
        "output": str(output),
        "info": encode(info),
        "settings": encode(settings),
        "data": encode(data),
    }
    with Child(argv, stage="quantizing", on_log=on_log, env=ONE_THREAD) as child:
        answer = child.call("quantize", payload, on_progress=lambda p: progress(p["stage"], p["done"], p["total"]))
    return decode(QuantizationTrail, answer)


def on_quantize(payload: dict[str, Any], report: Report) -> dict[str, Any]:
    """Answer the parent's call; runs in the child."""
    from edgekit_converters.quantize.calibrate import calibrate
    from edgekit_converters.quantize.compare import compare_tensors
    from edgekit_converters.quantize.engine import quantize_static

    float_model, output = Path(payload["float_model"]), Path(payload["output"])
    info, settings = decode(SourceInfo, payload["info"]), decode(QuantizeSettings, payload["settings"])
    data = decode(DataSettings, payload["data"])
    border = open_exported(float_model, info)[1]

    def tell(stage: str, done: int, total: int) -> None:
        report({"stage": stage, "done": done, "total": total})

    source, indexes = open_drawn(data, info.inputs, info.outputs)
    ranges = calibrate(float_model, _values(source, indexes, border), len(indexes), tell)
    quantize_static(float_model, ranges, settings, output)
    compared = indexes[:: max(1, len(indexes) // COMPARED_SAMPLES)][:COMPARED_SAMPLES]
    tensors = compare_tensors(float_model, output, ranges, _values(source, compared, border))
    engine = f"ai-edge-quantizer {version('ai-edge-quantizer')}"
    trail = QuantizationTrail(engine, "absolute minimum and maximum", len(indexes), len(compared), tensors)
    return dict(encode(trail))


def _values(source: DataSource, indexes: Sequence[int], border: Border) -> Iterator[tuple[np.ndarray, ...]]:
    """For each sample one array per input, in the file's order, with a batch axis of 1."""
    for sample in source.read(indexes):
        yield tuple(sample.inputs[border.inputs[i].source.name][None] for i in border.file_order)
