"""The ONNX quantization session: calibrate, quantize and compare in a child process, on files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from edgekit_converters.binding import Border, open_exported
from edgekit_converters.onnx.quantize.absorb import absorb_clips
from edgekit_converters.onnx.quantize.calibrate import KEPT, Ranges, calibrate
from edgekit_converters.onnx.quantize.compare import compare_tensors
from edgekit_converters.onnx.quantize.engine import (
    BLOCK,
    FLOAT32_PRODUCTS,
    Integers,
    engine_version,
    small_lstms,
    write_dynamic,
    write_int4,
    write_static,
)
from edgekit_converters.onnx.quantize.lint import find_fusion
from edgekit_converters.onnx.quantize.prepare import infer, prepare
from edgekit_converters.onnx.quantize.weights import store_half, store_int8
from edgekit_converters.quantize.samples import Samples
from edgekit_converters.quantize.statistics import Range
from edgekit_converters.quantize.trail import FusionTrail, QuantizationTrail
from edgekit_converters.settings import PERCENTILE, SCHEMES, DataSettings, QuantizeSettings
from edgekit_converters.source import SourceInfo
from edgekit_runtime.child import Report
from edgekit_runtime.codec import decode, encode
from edgekit_runtime.progress import Progress

COMPARED_SAMPLES = 4
HUGE = 1e6  # beyond it, a value is a mask and no activation
INFINITE = "its values reach infinity or a mask's huge numbers, which no scale holds"
SMALL = "its weights are so few that integers would take longer, and round its numbers for nothing"
FLOAT_ONLY = frozenset({"Conv", "ConvTranspose", "GRU", "RNN"})  # computed in float32 by the dynamic scheme


def on_quantize(payload: dict[str, Any], report: Report) -> dict[str, Any]:
    """Answer the parent's call; runs in the child."""
    float_model, output = Path(payload["float_model"]), Path(payload["output"])
    info, settings = decode(SourceInfo, payload["info"]), decode(QuantizeSettings, payload["settings"])
    border = open_exported(float_model, info)[1]
    data = decode(DataSettings, payload["data"]) if payload["data"] is not None else None

    def tell(stage: str, done: int, total: int) -> None:
        report({"stage": stage, "done": done, "total": total})

    with tempfile.TemporaryDirectory() as folder:
        work = _Work(float_model, output, settings, _Inputs(data, info, border), Path(folder), tell)
        return dict(encode(work.run()))


class _Inputs:
    """Samples as onnxruntime takes them; without data, one that is filled with ones."""

    def __init__(self, data: DataSettings | None, info: SourceInfo, border: Border) -> None:
        self._specs = [border.inputs[place].stored for place in border.file_order]
        self._samples = Samples(data, info, border) if data is not None else None
        self.indexes = self._samples.indexes if self._samples is not None else ()

    @property
    def given(self) -> bool:
        return self._samples is not None

    def spread(self, count: int) -> Sequence[int]:
        return self._samples.spread(count) if self._samples is not None else ()

    def read(self, indexes: Sequence[int]) -> Iterator[tuple[np.ndarray, ...]]:
        if self._samples is None:
            yield tuple(np.ones(spec.shape, spec.dtype) for spec in self._specs)
            return
        for values in self._samples.read(indexes):
            yield tuple(np.asarray(v, s.dtype, order="C") for v, s in zip(values, self._specs, strict=True))


class _Work:
    """One quantization.

    Args:
        path: The float file.
        output: Where to write.
        settings: The scheme.
        inputs: Samples.
        folder: For files on the way.
        tell: Told while calibrating.
    """

    def __init__(
        self, path: Path, output: Path, settings: QuantizeSettings, inputs: _Inputs, folder: Path, tell: Progress
    ) -> None:
        self._output, self._settings, self._inputs, self._tell = output, settings, inputs, tell
        self._scheme = SCHEMES[settings.scheme]
        self._compared = inputs.spread(COMPARED_SAMPLES)
        first = tuple(inputs.read(self._compared[:1]))
        self._model, notes = prepare(path, first, fuse_sums=self._scheme.calibrated)
        self._notes = list(notes)
        self._prepared = folder / "prepared.onnx"
        onnx.save_model(self._model, str(self._prepared))

    def run(self) -> QuantizationTrail:
        """Quantize, and tell what it did."""
        fusion, ranges, method = None, None, self._scheme.detail
        if self._scheme.calibrated:
            ranges, fusion = self._write_static()
            found = "absolute minimum and maximum"
            if self._settings.calibration == PERCENTILE:
                found = f"{KEPT:.2%} of the values, the outermost left out"
            method += f"; ranges of activations: {found}; {self._types()}"
        else:
            self._write_weights()
        if self._scheme.name == "int4-weight-only":
            method += f"; blocks of {BLOCK}, accuracy level {FLOAT32_PRODUCTS} (products in float32)"
        return self._trail(ranges, method, fusion)

    def _write_static(self) -> tuple[Ranges, FusionTrail]:
        absorbed = infer_absorbed(self._model)
        names = real_activations(absorbed)
        ranges = self._calibrate(names, self._inputs.indexes)
        huge = {name for name, found in ranges.found.items() if max(abs(found.low), abs(found.high)) > HUGE}
        kept = dict.fromkeys(small_lstms(absorbed), SMALL)
        kept |= {node.name: INFINITE for node in absorbed.graph.node if huge.intersection((*node.input, *node.output))}
        used = {name: found for name, found in ranges.used.items() if name not in huge}
        write_static(absorbed, used, kept, self._integers(), self._output)
        return ranges, find_fusion(self._output, kept)

    def _write_weights(self) -> None:
        match self._scheme.name:
            case "float16":
                self._write_half()
            case "int8-dynamic":
                self._write_dynamic()
            case "int4-weight-only":
                write_int4(self._model, self._output)
            case _:
                store_int8(self._model)
                onnx.save_model(self._model, str(self._output))

    def _write_half(self) -> None:
        kept = store_half(self._model)
        if kept:
            self._notes.append(f"too large for float16, so float32 still: {', '.join(kept)}")
        onnx.save_model(self._model, str(self._output))

    def _write_dynamic(self) -> None:
        kinds = sorted({node.op_type for node in self._model.graph.node} & FLOAT_ONLY)
        if kinds:
            self._notes.append(f"onnxruntime computes {' and '.join(kinds)} in float32; their weights alone are int8")
        store_int8(self._model, FLOAT_ONLY)
        write_dynamic(infer(self._model), self._integers(), self._output)

    def _integers(self) -> Integers:
        return Integers(self._settings.activations == "int8", self._settings.reduced_weights)

    def _types(self) -> str:
        weights = "int8 weights of 7 bits" if self._settings.reduced_weights else "int8 weights"
        return f"{self._settings.activations} activations, {weights} per channel"

    def _calibrate(self, names: set[str], indexes: Sequence[int]) -> Ranges:
        percentile = self._settings.calibration == PERCENTILE
        samples = self._inputs.read(indexes)
        return calibrate(self._prepared, names, samples, len(indexes), self._tell, percentile=percentile)

    def _trail(self, ranges: Ranges | None, method: str, fusion: FusionTrail | None) -> QuantizationTrail:
        calibrated = len(self._inputs.indexes) if ranges is not None else len(self._compared)
        if ranges is None and self._inputs.given:
            ranges = self._calibrate(real_activations(onnx.load_model(str(self._prepared))), self._compared)
        found = {} if ranges is None else {name: one for name, one in ranges.found.items() if _finite(one)}
        tensors = (
            compare_tensors(self._prepared, self._output, found, self._inputs.read(self._compared)) if found else ()
        )
        compared = len(self._compared)
        return QuantizationTrail(
            engine_version(), method, calibrated, compared, None, tensors, fusion, tuple(self._notes)
        )


def _finite(found: Range) -> bool:
    return bool(np.isfinite((found.low, found.high)).all())


def infer_absorbed(model: Any) -> Any:
    """A copy of a model without the ReLUs and clips that quantized ranges replace."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    absorb_clips(copy)
    return infer(copy)


def real_activations(model: Any) -> set[str]:
    """The names of a main graph's float32 activations."""
    graph = model.graph
    values = (*graph.input, *graph.value_info, *graph.output)
    real = {value.name for value in values if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT}
    written = {name for node in graph.node for name in node.output} | {value.name for value in graph.input}
    return real & written
