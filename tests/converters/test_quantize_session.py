"""edgekit_converters.quantize.session: from a float file and samples to a quantized file and its trail."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgekit_converters.binding import open_exported
from edgekit_converters.quantize.session import quantize
from edgekit_converters.quantize.trail import QuantizationTrail
from edgekit_converters.settings import SCHEMES, DataSettings, NamedType, QuantizeSettings, quantizing
from edgekit_converters.source import SourceInfo
from edgekit_runtime.errors import DataError
from edgekit_runtime.progress import Progress, silent
from edgekit_runtime.tensor import TensorSpec
from tests.bundle_files import DENSE
from tests.tflite_files import dense_samples, write_dense, write_log, write_two_by_two

CALIBRATED = [name for name in quantizing("tflite") if SCHEMES[name].calibrated]
WIDE = 400  # makes weights that are worth quantizing
UNCALIBRATED = [name for name in quantizing("tflite") if not SCHEMES[name].calibrated]


def settings_for(scheme: str) -> QuantizeSettings:
    return QuantizeSettings(scheme, SCHEMES[scheme].border_types[0], SCHEMES[scheme].border_types[0])


def data_in(folder: Path, **arrays: np.ndarray) -> DataSettings:
    np.savez(folder / "data.npz", **arrays)
    return DataSettings(str(folder / "data.npz"), 32, 0)


def dense(
    folder: Path, scheme: str, *, samples: bool = True, progress: Progress = silent, width: int = 6
) -> QuantizationTrail:
    model = write_dense(folder / "float.tflite", width=width)
    data = data_in(folder, x=dense_samples(40)) if samples else None
    return quantize(model, folder / "q.tflite", DENSE, settings_for(scheme), data, progress=progress)


@pytest.mark.parametrize("scheme", CALIBRATED)
def test_a_calibrated_scheme_tells_ranges_and_scales_over_the_drawn_samples(tmp_path, scheme):
    trail = dense(tmp_path, scheme)
    assert trail.engine.startswith("ai-edge-quantizer ")
    assert trail.method == f"{SCHEMES[scheme].detail}; ranges of activations: absolute minimum and maximum"
    assert (trail.calibration_samples, trail.compared_samples) == (32, 4)
    assert [tensor.name for tensor in trail.tensors] == ["x", "hidden", "y"]
    assert all(tensor.scale is not None for tensor in trail.tensors)
    assert all(tensor.sqnr_db is not None and tensor.sqnr_db > 25 for tensor in trail.tensors)


@pytest.mark.parametrize("scheme", UNCALIBRATED)
def test_another_scheme_tells_the_noise_where_there_are_samples(tmp_path, scheme):
    trail = dense(tmp_path, scheme, width=WIDE)
    assert trail.method == SCHEMES[scheme].detail
    assert (trail.calibration_samples, trail.compared_samples) == (4, 4)
    noise = {tensor.name: tensor.sqnr_db for tensor in trail.tensors}
    assert noise["x"] is None
    assert noise["y"] is not None
    assert noise["y"] > 25
    assert trail.bias is not None
    assert trail.bias.samples == 32


@pytest.mark.parametrize("scheme", UNCALIBRATED)
def test_another_scheme_needs_no_samples(tmp_path, scheme):
    trail = dense(tmp_path, scheme, samples=False)
    assert (trail.calibration_samples, trail.compared_samples, trail.bias, trail.tensors) == (0, 0, None, ())
    assert open_exported(tmp_path / "q.tflite", DENSE)[1].outputs[0].stored.dtype == "float32"


def test_progress_tells_calibration_and_correction(tmp_path):
    told = []
    dense(tmp_path, "int8", progress=lambda *step: told.append(step))
    assert ("calibrating", 32, 32) in told
    assert told[-1] == ("correcting biases", 2, 2)


def test_inputs_and_outputs_are_named_as_in_the_source(tmp_path):
    specs = [TensorSpec(name, (-1, 4), "float32") for name in ("a", "b", "sum", "difference")]
    info = SourceInfo(tuple(specs[:2]), tuple(specs[2:]), 0, ())
    values = dense_samples(32)
    settings = QuantizeSettings(
        "int8", "int8", "float32", (NamedType("b", "float32"),), (NamedType("difference", "int8"),)
    )
    trail = quantize(
        write_two_by_two(tmp_path / "float.tflite"),
        tmp_path / "q.tflite",
        info,
        settings,
        data_in(tmp_path, a=values[:, :4], b=values[:, 4:]),
        progress=silent,
    )
    assert trail.bias is None
    border = open_exported(tmp_path / "q.tflite", info)[1]
    types = {binding.source.name: binding.stored.dtype for binding in (*border.inputs, *border.outputs)}
    assert types == {"a": "int8", "b": "float32", "sum": "float32", "difference": "int8"}


@pytest.mark.parametrize("scheme", ["int8", "int8-dynamic"])
def test_samples_that_break_the_float_file_are_refused(tmp_path, scheme):
    spec = TensorSpec("x", (-1, 4), "float32")
    info = SourceInfo((spec,), (TensorSpec("y", (-1, 4), "float32"),), 0, ())
    data = data_in(tmp_path, x=np.linspace(-1, 1, 32).reshape(8, 4).astype(np.float32))
    with pytest.raises(DataError, match="calibration: LOG gives NaN or infinite values in tensor y"):
        quantize(
            write_log(tmp_path / "m.tflite"), tmp_path / "q.tflite", info, settings_for(scheme), data, progress=silent
        )
