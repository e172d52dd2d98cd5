"""Compile a finished model for a target's accelerator."""

from __future__ import annotations

from pathlib import Path

from edgekit_converters.compile.compilation import Compiled, not_run
from edgekit_targets.npu import COMPILES, Npu
from edgekit_targets.profile import Profile

# What edgekit does not call: their licences or their kits keep them out of reach.
ELSEWHERE = {
    "hailo": ("Hailo Dataflow Compiler", "hailo optimize, then hailo compiler --hw-arch {accelerator}: see its guide"),
    "hexagon": ("Qualcomm AI Hub, or the QAIRT SDK", "see aihub.qualcomm.com"),
    "neutron": ("neutron-converter of NXP's eIQ Toolkit", "neutron-converter --target {accelerator} --input {model}"),
}


def compile_for(model: Path, profile: Profile, folder: Path) -> Compiled | None:
    """Compile a model for a target.

    Args:
        model: A `.tflite` or `.onnx` file.
        profile: The target.
        folder: Where the compiler's files go; it exists.

    Returns:
        What the compiler made, or what to run where it is not installed here; `None` for a target without one.

    Raises:
        CompileError: The compiler refuses the model; the message names an operator of it where one is known.
        MissingExtraError: The compiler comes with an extra of edgekit that is not installed.
        ChildError: The compiler died.
    """
    npu = profile.npu
    if npu is None or npu.compiler is None:
        return None
    accelerator = npu.compiler.accelerator
    model_format = model.suffix.removeprefix(".")
    if model_format not in COMPILES[npu.family]:
        reason = f"the compiler takes .{' and .'.join(COMPILES[npu.family])} files"
        return not_run(accelerator, npu.family, f"edgekit convert --format {COMPILES[npu.family][0]}", reason)
    if npu.family in ELSEWHERE:
        name, command = ELSEWHERE[npu.family]
        told = command.format(accelerator=accelerator, model=f"model.{model_format}")
        return not_run(accelerator, name, told, "edgekit does not call this compiler")
    return _compile(model, profile.name, npu, folder)


def _compile(model: Path, target: str, npu: Npu, folder: Path) -> Compiled:
    match npu.family:
        case "ethos-u":
            from edgekit_converters.compile.ethos_u import compile_ethos_u

            return compile_ethos_u(model, target, npu, folder)
        case "edgetpu":
            from edgekit_converters.compile.edgetpu import compile_edgetpu

            return compile_edgetpu(model, target, npu, folder)
    from edgekit_converters.compile.rockchip import compile_rockchip

    return compile_rockchip(model, target, npu, folder)
