"""True bundles of small models for tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgekit.pipeline.write_bundle import list_files, write_document
from edgekit_converters.binding import Border, open_exported
from edgekit_converters.source import SourceInfo
from edgekit_runtime.affine import restore, store
from edgekit_runtime.golden import Golden, golden_arrays
from edgekit_runtime.interpreter import Interpreter, detect_format
from edgekit_runtime.litert import BuiltinInterpreter
from edgekit_runtime.manifest import (
    GOLDEN_FILE,
    MANIFEST_FILE,
    PROFILE_FILE,
    RUN_FILE,
    Library,
    Manifest,
    Origin,
    OutputBinding,
    Tolerance,
)
from edgekit_runtime.tensor import TensorSpec
from tests.tflite_files import dense_samples, write_dense, write_int8_dense, write_two_by_two

DENSE = SourceInfo((TensorSpec("features", (-1, 8), "float32"),), (TensorSpec("scores", (-1, 3), "float32"),), 75, ())
TWO_BY_TWO = SourceInfo(
    (TensorSpec("a", (-1, 4), "float32"), TensorSpec("b", (-1, 4), "float32")),
    (TensorSpec("sum", (-1, 4), "float32"), TensorSpec("difference", (-1, 4), "float32")),
    0,
    (),
)
# The narrowest there are, whatever a conversion would choose: these bundles are checked where they are made.
TOLERANCES = {"int8": Tolerance("step", 0.0, 1.0), "float32": Tolerance("range", 1e-5, 1e-5)}
ORIGIN = Origin("0" * 64, "keras", "host", "1" * 64, "int8", "2" * 64, (Library("keras", "3.15.1"),))


def dense_bundle(folder: Path, scheme: str = "float32") -> Path:
    """A bundle of the dense model, `folder/bundle`, as `float32` or `int8`."""
    model = write_dense(folder / "model.tflite") if scheme == "float32" else write_int8_dense(folder)[1]
    return write_bundle(folder / "bundle", model, DENSE, scheme, {"features": dense_samples(4, seed=7)})


def two_by_two_bundle(folder: Path) -> Path:
    """A bundle with two inputs and two outputs, which its file lists the other way round."""
    model = write_two_by_two(folder / "model.tflite")
    values = dense_samples(4, seed=7)
    return write_bundle(folder / "bundle", model, TWO_BY_TWO, "float32", {"a": values[:, :4], "b": values[:, 4:]})


def write_bundle(folder: Path, model: Path, info: SourceInfo, scheme: str, inputs: Mapping[str, np.ndarray]) -> Path:
    """Make a bundle's folder of a model, with the outputs it gives on this machine as golden ones.

    Args:
        folder: The folder to make.
        model: The file.
        info: Its source; each name is that of the signature.
        scheme: Its quantization scheme.
        inputs: Golden inputs by the source's names, each `(N, ...)`.
    """
    folder.mkdir()
    interpreter, border = open_exported(model, info)
    outputs = tuple(OutputBinding(b.source, b.stored, b.order, TOLERANCES[b.stored.dtype]) for b in border.outputs)
    kernels, model_format = interpreter.kernels, detect_format(model)
    manifest = Manifest(
        "small", model_format, scheme, border.inputs, outputs, kernels, "synthetic", ORIGIN, license=None, files=()
    )
    (folder / manifest.model_file).write_bytes(model.read_bytes())
    (folder / PROFILE_FILE).write_text('name = "host"\n')
    (folder / "trail").mkdir()
    (folder / "trail" / "steps.json").write_text("{}\n")
    (folder / RUN_FILE).write_text('{"seconds": 1.0}\n')
    golden_inputs = tuple(inputs[binding.source.name] for binding in border.inputs)
    stored = _run(interpreter, border, golden_inputs)
    source = tuple(restore(values, binding.stored) for values, binding in zip(stored, outputs, strict=True))
    builtin = _run(BuiltinInterpreter(str(model)), border, golden_inputs) if kernels == "xnnpack" else ()
    seal(folder, manifest, Golden(golden_inputs, stored, source, builtin))
    return folder


def _run(interpreter: Interpreter, border: Border, inputs: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Stored outputs in the manifest's order, each `(N, ...)`."""
    found = []
    for k in range(len(inputs[0])):
        for place, index in enumerate(border.file_order):
            interpreter.set_input(place, store(inputs[index][k][None], border.inputs[index].stored))
        interpreter.invoke()
        found.append({spec.name: interpreter.output(i)[0] for i, spec in enumerate(interpreter.outputs)})
    return tuple(np.stack([row[binding.stored.name] for row in found]) for binding in border.outputs)


def seal(folder: Path, manifest: Manifest, golden: Golden) -> None:
    """Write the golden samples and the manifest of a bundle, with checksums of what its folder holds."""
    with open(folder / GOLDEN_FILE, "wb") as file:
        np.savez(file, allow_pickle=False, **golden_arrays(golden, manifest))
    write_document(folder, MANIFEST_FILE, replace(manifest, files=list_files(folder)))
