"""Does this machine give the outputs that were found at conversion?"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgekit_runtime.bundle import Bundle
from edgekit_runtime.errors import BundleError, DeviceError
from edgekit_runtime.interpreter import Interpreter
from edgekit_runtime.manifest import Binding, Manifest, OutputBinding
from edgekit_runtime.record import GoldenCheck
from edgekit_runtime.samples import stored_input, stored_sample
from edgekit_runtime.tensor import TensorSpec

BUILTIN = "builtin"  # the kernels of LiteRT and tflite-runtime where no delegate takes operators over


@dataclass(frozen=True)
class Golden:
    """Samples with the outputs they must give.

    Attributes:
        inputs: Real inputs in the manifest's order, each `(samples, ...)` without batch axis.
        outputs: Stored outputs of the exported file, in the manifest's order.
        source: Outputs of the source model, in the manifest's order.
        builtin: What the file gives with an interpreter's builtin kernels, which round otherwise than XNNPACK;
            empty where the outputs are of these kernels already, or nobody knows.
    """

    inputs: tuple[np.ndarray, ...]
    outputs: tuple[np.ndarray, ...]
    source: tuple[np.ndarray, ...]
    builtin: tuple[np.ndarray, ...] = ()

    @property
    def samples(self) -> int:
        """How many samples there are."""
        return len(self.inputs[0])


def read_golden(path: Path, manifest: Manifest) -> Golden:
    """Read the golden samples of a bundle.

    Raises:
        BundleError: The file is not as the manifest says.
    """
    try:
        arrays = _load(path)
        golden = Golden(
            tuple(arrays[f"input.{binding.source.name}"] for binding in manifest.inputs),
            tuple(arrays[f"output.{binding.source.name}"] for binding in manifest.outputs),
            tuple(arrays[f"source.{binding.source.name}"] for binding in manifest.outputs),
            tuple(arrays[name] for name in map(_builtin_name, manifest.outputs) if name in arrays),
        )
    except KeyError as error:
        raise BundleError(f"{path.name}: the golden samples lack an array: {error}") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise BundleError(f"{path.name}: the golden samples cannot be read: {error}") from error
    _check_arrays(path, golden)
    return golden


def golden_arrays(golden: Golden, manifest: Manifest) -> dict[str, np.ndarray]:
    """Name the golden samples' arrays as `read_golden` expects them."""
    arrays = {f"input.{b.source.name}": value for b, value in zip(manifest.inputs, golden.inputs)}
    arrays.update({f"output.{b.source.name}": value for b, value in zip(manifest.outputs, golden.outputs)})
    arrays.update({f"source.{b.source.name}": value for b, value in zip(manifest.outputs, golden.source)})
    arrays.update({_builtin_name(b): value for b, value in zip(manifest.outputs, golden.builtin)})
    return arrays


def input_order(interpreter: Interpreter, manifest: Manifest) -> tuple[int, ...]:
    """For each input of the manifest, its index in the file.

    Raises:
        BundleError: The file has other inputs.
    """
    named, found = len(manifest.inputs), len(interpreter.inputs)
    if named != found:
        raise BundleError(f"{manifest.name}: the manifest names {named} inputs; the model has {found}.")
    return _order(interpreter.inputs, manifest.inputs, manifest.name)


def output_order(interpreter: Interpreter, manifest: Manifest) -> tuple[int, ...]:
    """For each output of the manifest, its index in the file.

    Raises:
        BundleError: The file lacks an output.
    """
    return _order(interpreter.outputs, manifest.outputs, manifest.name)


def check_golden(interpreter: Interpreter, bundle: Bundle) -> GoldenCheck:
    """Run the golden samples and hold the outputs against those of the conversion, with the same kernels if it has any.

    Raises:
        BundleError: The golden samples cannot be read.
        DeviceError: An output lies outside its tolerance.
    """
    manifest = bundle.manifest
    golden = read_golden(bundle.golden_path, manifest)
    same_kernels = interpreter.kernels == manifest.kernels
    wanted = golden.builtin if golden.builtin and interpreter.kernels == BUILTIN != manifest.kernels else golden.outputs
    inputs, outputs = input_order(interpreter, manifest), output_order(interpreter, manifest)
    worst = [0.0] * len(outputs)
    for sample in range(golden.samples):
        for index, binding, values in zip(inputs, manifest.inputs, golden.inputs):
            interpreter.set_input(index, stored_input(values[sample], binding))
        interpreter.invoke()
        for i, (index, expected) in enumerate(zip(outputs, wanted)):
            found = stored_sample(interpreter.output(index), manifest.outputs[i].source)
            distance = _distance(found, expected[sample], expected, manifest.outputs[i])
            worst[i] = max(worst[i], distance)
    return _verdict(manifest, worst, same_kernels, golden.samples)


def _builtin_name(binding: OutputBinding) -> str:
    return f"{BUILTIN}.{binding.source.name}"


def _load(path: Path) -> dict[str, np.ndarray]:
    content = np.load(path, allow_pickle=False)
    if isinstance(content, np.ndarray):
        raise ValueError("it is a single array")
    with content:
        return {name: np.asarray(content[name]) for name in content.files}


def _check_arrays(path: Path, golden: Golden) -> None:
    """Refuse arrays that do not belong together, and an empty set, which every device would pass."""
    if golden.builtin and len(golden.builtin) != len(golden.outputs):
        raise BundleError(f"{path.name}: of builtin kernels' outputs the golden samples lack some.")
    arrays = (*golden.inputs, *golden.outputs, *golden.source, *golden.builtin)
    strange = [str(array.dtype) for array in arrays if array.dtype.kind not in "fiub"]
    if strange:
        raise BundleError(f"{path.name}: the golden samples are of type {', '.join(strange)}; allowed: numbers.")
    counts = {len(array) if array.ndim else 0 for array in arrays}
    if len(counts) != 1 or 0 in counts:
        raise BundleError(
            f"{path.name}: the golden arrays have {', '.join(map(str, sorted(counts)))} samples; "
            "allowed: as many in each, and at least one."
        )


def _order(specs: Sequence[TensorSpec], bindings: Sequence[Binding], model: str) -> tuple[int, ...]:
    places = {spec.name: i for i, spec in reversed(tuple(enumerate(specs)))}
    for binding in bindings:
        if binding.stored.name not in places:
            raise BundleError(
                f"{model}: the model has no tensor {binding.stored.name} for {binding.source.name}; "
                f"it has: {', '.join(places)}."
            )
    return tuple(places[binding.stored.name] for binding in bindings)


def _distance(found: np.ndarray, expected: np.ndarray, all_expected: np.ndarray, binding: OutputBinding) -> float:
    if found.shape != expected.shape:
        return float("inf")
    if found.size == 0:
        return 0.0
    difference = float(np.max(np.abs(found.astype(np.float64) - expected.astype(np.float64))))
    if not np.isfinite(difference):
        return float("inf")  # a NaN would compare false with every limit, and pass
    if binding.tolerance.unit == "step":
        return difference
    wide = all_expected.astype(np.float64)  # in an integer type, a range may be more than it holds
    return difference / (float(np.max(wide) - np.min(wide)) or float(np.max(np.abs(wide))) or 1.0)


def _verdict(manifest: Manifest, worst: list[float], same_kernels: bool, samples: int) -> GoldenCheck:
    rows = []
    for binding, distance in zip(manifest.outputs, worst):
        tolerance = binding.tolerance
        limit = tolerance.limit if same_kernels else tolerance.limit_other_kernels
        if distance > limit:
            raise DeviceError(
                f"{manifest.name}: output {binding.source.name} differs from the golden one by {distance:.3g} "
                f"{tolerance.unit}; allowed: {limit:.3g}.",
                hint="This machine computes other results than the one that converted it; nothing was measured.",
            )
        rows.append((distance - limit, distance, tolerance.unit, limit))
    _, distance, unit, limit = max(rows)
    return GoldenCheck(samples, distance, unit, limit)
