"""How ranges are found, and which integers a target's processor multiplies best."""

from __future__ import annotations

import platform
from dataclasses import replace
from pathlib import Path

from edgekit.pipeline.choice import Choice
from edgekit_converters.settings import CALIBRATIONS, MINMAX, SCHEMES, QuantizeSettings
from edgekit_runtime.errors import RecipeError
from edgekit_targets.profile import Profile

X86 = ("x86_64", "amd64", "AMD64")
VNNI = {"avx512_vnni", "avx_vnni"}  # flags in Linux's /proc/cpuinfo
CPUINFO = Path("/proc/cpuinfo")


def choose_calibration(asked: str | None, settings: QuantizeSettings, model_format: str) -> QuantizeSettings:
    """Choose how the ranges of activations are found.

    Args:
        asked: What the user asked for; `None` for the default, which keeps every value that was seen.
        settings: The scheme.
        model_format: Of the file.

    Raises:
        RecipeError: There is no such way, or not for this format or scheme.
    """
    if asked is None:
        return settings
    if asked not in CALIBRATIONS:
        raise RecipeError(f"--calibration {asked}: unknown; allowed: {', '.join(CALIBRATIONS)}.")
    if asked != MINMAX and model_format != "onnx":
        raise RecipeError(f"--calibration {asked}: it is made for .onnx only; allowed for .{model_format}: {MINMAX}.")
    if not SCHEMES[settings.scheme].calibrated:
        raise RecipeError(
            f"--calibration {asked}: {settings.scheme} has no ranges to find.", hint="Leave it out, or take int8."
        )
    return replace(settings, calibration=asked)


def choose_integers(
    settings: QuantizeSettings, model_format: str, target: Profile, cpuinfo: Path = CPUINFO
) -> tuple[QuantizeSettings, tuple[Choice, ...]]:
    """Choose the integers of an int8 `.onnx` by the target's instruction set.

    As onnxruntime advises in the text on its `quantize_static`. In its kernels for x86-64 one factor is unsigned:
    of MobileNetV2 with int8 activations it left 15 of 52 convolutions in float32, and took 3 times as long as
    with uint8, where it left none.

    Args:
        settings: The scheme.
        model_format: Of the file.
        target: Its instruction set; one that names none is this machine.
        cpuinfo: What this machine's processor can do.
    """
    if model_format != "onnx" or settings.scheme not in ("int8", "int8-dynamic"):
        return settings, ()
    isa = target.cpu.isa.value if target.cpu.isa is not None else platform.machine()
    here = target.cpu.isa is None
    if isa not in X86:
        why = f"onnxruntime has kernels for signed activations on {isa}"
        return replace(settings, activations="int8"), (Choice("integers", "int8", why),)
    why = "onnxruntime's kernels on x86-64 take unsigned activations"
    if here and VNNI & set(_flags(cpuinfo)):
        choice = Choice("integers", "uint8", f"{why}; VNNI sums their products in 32 bits")
        return replace(settings, activations="uint8"), (choice,)
    lacks = "this processor lacks VNNI" if here else f"{target.name} does not say whether it has VNNI"
    why += f"; {lacks}, and without it sums of two products overflow unless weights take 7 bits"
    settings = replace(settings, activations="uint8", reduced_weights=True)
    return settings, (Choice("integers", "uint8, weights of 7 bits", why),)


def _flags(cpuinfo: Path) -> list[str]:
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), [])
