"""The quantization session: calibrate, quantize, correct and compare in a child process, on files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edgekit_converters.binding import Border, open_exported
from edgekit_converters.quantize.masks import Mask, find_masks, lower, within_reach
from edgekit_converters.quantize.samples import Samples
from edgekit_converters.quantize.statistics import Range
from edgekit_converters.quantize.trail import BiasTrail, QuantizationTrail
from edgekit_converters.settings import SCHEMES, DataSettings, QuantizeSettings
from edgekit_converters.source import SourceInfo
from edgekit_runtime.child import Child, Report
from edgekit_runtime.codec import decode, encode
from edgekit_runtime.interpreter import detect_format
from edgekit_runtime.progress import Progress

COMPARED_SAMPLES = 4
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}  # its other threads only wait, at full load: every sum here is short
CHILDREN = {"tflite": "edgekit_converters.quantize", "onnx": "edgekit_converters.onnx.quantize"}
RANGES = "ranges of activations: absolute minimum and maximum"


def quantize(
    float_model: Path,
    output: Path,
    info: SourceInfo,
    settings: QuantizeSettings,
    data: DataSettings | None,
    *,
    progress: Progress,
    on_log: Callable[[str], None] | None = None,
    memory_limit_bytes: int | None = None,
) -> QuantizationTrail:
    """Quantize a float file in a child process: each format has its own.

    Args:
        float_model: The float `.tflite` or `.onnx`.
        output: Where to write the quantized one.
        info: The source that the float file was exported from.
        settings: The scheme.
        data: Calibration samples; `None` where the scheme needs none and there are none.
        progress: Told while calibrating.
        on_log: Takes each line of the child's log.
        memory_limit_bytes: Resident memory at which the child is ended; `None` for no limit.

    Raises:
        ConversionError: The engine refuses.
        DataError: The samples make an activation NaN or infinite.
    """
    argv = [sys.executable, "-m", CHILDREN[detect_format(float_model)]]
    payload = {
        "float_model": str(float_model),
        "output": str(output),
        "info": encode(info),
        "settings": encode(settings),
        "data": encode(data),
    }
    with Child(argv, stage="quantizing", on_log=on_log, env=ONE_THREAD, memory_limit_bytes=memory_limit_bytes) as child:
        answer = child.call("quantize", payload, on_progress=lambda p: progress(p["stage"], p["done"], p["total"]))
    return decode(QuantizationTrail, answer)


def on_quantize(payload: dict[str, Any], report: Report) -> dict[str, Any]:
    """Answer the parent's call; runs in the child."""
    float_model, output = Path(payload["float_model"]), Path(payload["output"])
    info, settings = decode(SourceInfo, payload["info"]), decode(QuantizeSettings, payload["settings"])
    border = open_exported(float_model, info)[1]
    samples = None if payload["data"] is None else Samples(decode(DataSettings, payload["data"]), info, border)

    def tell(stage: str, done: int, total: int) -> None:
        report({"stage": stage, "done": done, "total": total})

    return dict(encode(_quantize(float_model, output, border, settings, samples, tell)))


def _quantize(
    float_model: Path,
    output: Path,
    border: Border,
    settings: QuantizeSettings,
    samples: Samples | None,
    tell: Progress,
) -> QuantizationTrail:
    from edgekit_converters.quantize.calibrate import calibrate
    from edgekit_converters.quantize.compare import compare_tensors
    from edgekit_converters.quantize.engine import engine_version, quantize_file
    from edgekit_targets.graph.tflite import read_tflite

    scheme, float_tensors = SCHEMES[settings.scheme], _float_tensors(border, settings)
    if samples is None:
        quantize_file(float_model, scheme.name, output, float_tensors=float_tensors)
        return QuantizationTrail(engine_version(), scheme.detail, 0, 0, None, ())
    compared = samples.spread(COMPARED_SAMPLES)
    calibrated = samples.indexes if scheme.calibrated else compared
    masks = find_masks(read_tflite(float_model).main) if scheme.calibrated else ()
    masked = {name for mask in masks for name in (*mask.before, *mask.after)}
    ranges = calibrate(float_model, samples.read(calibrated), len(calibrated), tell, masked)
    masks = tuple(mask for mask in masks if ranges.keys() >= set(mask.after))  # else nothing is left beside it
    if masks:
        float_model, ranges = _lower_masks(float_model, masks, ranges)
    given = ranges if scheme.calibrated else None
    quantize_file(float_model, scheme.name, output, ranges=given, float_tensors=float_tensors)
    bias = _correct(float_model, output, border, ranges, samples, tell)
    tensors = compare_tensors(float_model, output, ranges, samples.read(compared))
    method = f"{scheme.detail}; {RANGES}" if scheme.calibrated else scheme.detail
    return QuantizationTrail(engine_version(), method, len(calibrated), len(compared), bias, tensors)


def _lower_masks(
    float_model: Path, masks: tuple[Mask, ...], ranges: Mapping[str, Range]
) -> tuple[Path, Mapping[str, Range]]:
    """A float file whose masks int8 can hold, and the ranges of its activations."""
    from edgekit_converters.quantize.engine import float_constants

    content = bytearray(float_model.read_bytes())
    constants = float_constants(content)
    for mask in masks:
        lower(constants[mask.constant], mask.level(ranges))
    path = float_model.with_name(f"{float_model.stem}-lowered{float_model.suffix}")
    path.write_bytes(content)
    return path, within_reach(masks, ranges)


def _float_tensors(border: Border, settings: QuantizeSettings) -> frozenset[str]:
    """The file's inputs and outputs that stay float."""
    inputs = [b.stored.name for b in border.inputs if settings.input_type(b.source.name) == "float32"]
    outputs = [b.stored.name for b in border.outputs if settings.output_type(b.source.name) == "float32"]
    return frozenset(inputs + outputs)


def _correct(
    float_model: Path,
    output: Path,
    border: Border,
    ranges: Mapping[str, Range],
    samples: Samples,
    tell: Progress,
) -> BiasTrail | None:
    from edgekit_converters.quantize.biases import correct_biases, samples_needed

    count = samples_needed(output)
    outputs = {b.stored.name: ranges[b.stored.name] for b in border.outputs if b.stored.name in ranges}
    if not count or not outputs:
        return None
    return correct_biases(float_model, output, outputs, tuple(samples.read(samples.spread(count))), tell)
