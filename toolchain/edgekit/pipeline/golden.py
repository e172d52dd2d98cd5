"""Choose the golden samples, and say how far a device may lie from their outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgekit.pipeline.plan import Plan
from edgekit_converters.binding import Border
from edgekit_converters.data.form import detect_form
from edgekit_converters.data.session import DataSession
from edgekit_converters.settings import DataSettings
from edgekit_converters.source import SourceInfo
from edgekit_runtime.manifest import Binding, OutputBinding, Tolerance
from edgekit_runtime.pictures import normalise
from edgekit_runtime.preparation import Preparation

GOLDEN_SAMPLES = 4

# Found with MobileNetV1 0.25, ResNet8, a dense autoencoder and a CNN for digits, on x86-64 beside emulated
# Cortex-A72 and A76. INT8 through XNNPACK is the same to the bit but for SOFTMAX, whose table of exponentials
# put 1 value in 3000 one step off; INT16 is the same throughout, and up to 12 steps off with reference kernels.
ONE_STEP, INT16_OTHER_STEPS = 1.0, 16.0
# Shares of the golden output's range. Float sums differ by up to 2e-5 (the autoencoder; the others 5e-6). Scales
# found at each inference carry such a difference over a rounding edge: up to 1.2e-2. One step of an INT8 output
# that is float at the border was 2.3e-2, where the golden samples filled a sixth of its scale.
FLOAT_SHARE, FLOAT16_SHARE, INT8_SHARE = 1e-4, 1e-2, 5e-2
# int8 activations in ONNX: Arm computes the whole file in integers, where onnxruntime on x86-64 leaves operators of
# ResNet8 in float, and rounds a mean otherwise. A value at the edge of rounding then falls to the other side, and what
# follows widens it: by up to 1.3e-1 in 500 pictures, on an emulated A76.
SIGNED_ONNX_SHARE = 1.5e-1
SHARES = {"float16": FLOAT16_SHARE, "int8": INT8_SHARE, "int8-dynamic": INT8_SHARE}


def write_golden_inputs(
    data: DataSession, plan: Plan, info: SourceInfo, preparation: Preparation | None, path: Path
) -> str:
    """Write the golden inputs as `.npz` data, and say where they come from.

    Pictures in a folder may show people, who were not asked whether they want to travel in every
    bundle: the golden samples are made up then.

    Args:
        data: Reads the data.
        plan: Names it.
        info: The model.
        preparation: How pictures become its input, where it takes some.
        path: Where to write.

    Returns:
        `calibration`, `evaluation` or `synthetic`.
    """
    for kind, settings in (("calibration", plan.calibration), ("evaluation", plan.evaluation)):
        if settings is not None and detect_form(Path(settings.path)) != "pictures":
            data.take(settings, info, GOLDEN_SAMPLES, path)
            return kind
    _write(path, _synthetic(info, plan.request.seed, preparation))
    return "synthetic"


def golden_data(path: Path) -> DataSettings:
    """All of the golden inputs, as data."""
    return DataSettings(str(path), None, 0)


def bind_outputs(border: Border, scheme: str, *, signed_onnx: bool = False) -> tuple[OutputBinding, ...]:
    """Give each output its tolerance.

    Args:
        border: The file's inputs and outputs.
        scheme: Its quantization scheme.
        signed_onnx: Whether it is an ONNX file with int8 activations, which only Arm computes in integers throughout.
    """
    share = SIGNED_ONNX_SHARE if signed_onnx and scheme == "int8" else SHARES.get(scheme, FLOAT_SHARE)
    return tuple(OutputBinding(b.source, b.stored, b.order, _tolerance(b, share)) for b in border.outputs)


def _tolerance(binding: Binding, share: float) -> Tolerance:
    if binding.stored.dtype == "int8":
        return Tolerance("step", ONE_STEP, ONE_STEP)
    if binding.stored.dtype == "int16":
        return Tolerance("step", ONE_STEP, INT16_OTHER_STEPS)
    return Tolerance("range", share, share)


def _synthetic(info: SourceInfo, seed: int, preparation: Preparation | None) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    if preparation is not None:
        shape = (GOLDEN_SAMPLES, *preparation.size, preparation.channel_count)
        pictures = random.integers(0, 256, shape, dtype=np.uint8)
        values = np.stack([normalise(picture, preparation) for picture in pictures])
        return {info.inputs[0].name: values.astype(info.inputs[0].dtype)}
    return {spec.name: random.random((GOLDEN_SAMPLES, *spec.sample_shape)).astype(spec.dtype) for spec in info.inputs}


def _write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    with open(path, "wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
