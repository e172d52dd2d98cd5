"""What comes before measuring, in a process of its own: the golden check, and the inputs to measure with."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgekit_runtime.affine import store
from edgekit_runtime.bundle import Bundle, open_bundle
from edgekit_runtime.child import serve
from edgekit_runtime.codec import decode, encode
from edgekit_runtime.errors import ModelError
from edgekit_runtime.golden import check_golden, input_order, read_golden
from edgekit_runtime.handover import Prepared, PrepareRequest
from edgekit_runtime.interpreter import Interpreter, detect_format, open_interpreter
from edgekit_runtime.record import GoldenCheck
from edgekit_runtime.samples import stored_input
from edgekit_runtime.tensor import TensorSpec

NO_GOLDEN = GoldenCheck(0, 0.0, "step", 0.0, "a bare model file brings no golden outputs")


def prepare(request: PrepareRequest) -> Prepared:
    """Check a bundle's golden outputs, and write the inputs to measure with.

    A bundle is measured on its first golden sample, a bare file on random values; a batch holds
    the same sample over and over.

    Raises:
        ModelError: The interpreter refuses the model or the batch, or no input can be made for it.
        DeviceError: An output lies outside its tolerance.
    """
    model_format = detect_format(request.model)
    interpreter = open_interpreter(request.model, model_format, request.threads)
    if request.bundle is None:
        golden, values = NO_GOLDEN, _made_inputs(request, interpreter)
        _run_on_zeros(interpreter, values)
    else:
        with open_bundle(request.bundle) as bundle:
            golden, values = check_golden(interpreter, bundle), _golden_inputs(interpreter, bundle)
    if request.batch > 1:
        values = _batched(request, model_format, values)
    folder = request.inputs_folder
    paths = () if folder is None else _write(Path(folder), values)
    return Prepared(model_format, interpreter.library, interpreter.kernels, golden, paths)


def answer() -> None:
    """Prepare for the parent that started this process."""
    serve({"prepare": lambda payload, _: dict(encode(prepare(decode(PrepareRequest, payload))))})


def _golden_inputs(interpreter: Interpreter, bundle: Bundle) -> tuple[np.ndarray, ...]:
    manifest = bundle.manifest
    golden = read_golden(bundle.golden_path, manifest)
    order = input_order(interpreter, manifest)
    stored = {
        index: stored_input(values[0], binding) for index, binding, values in zip(order, manifest.inputs, golden.inputs)
    }
    return tuple(stored[index] for index in sorted(stored))


def _batched(request: PrepareRequest, model_format: str, values: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Inputs of a whole batch, once it is sure that the outputs grow with them: not every operator goes along."""
    interpreter = open_interpreter(request.model, model_format, request.threads, request.batch)
    batches = tuple(np.repeat(value, request.batch, axis=0) for value in values)
    for index, batch in enumerate(batches):
        interpreter.set_input(index, batch)
    interpreter.invoke()
    for index, spec in enumerate(interpreter.outputs):
        shape = interpreter.output(index).shape
        if shape[:1] != (request.batch,):
            raise ModelError(
                f"{request.model}: output {spec.name} of a batch of {request.batch} has shape {shape}; "
                f"allowed: {request.batch} samples along the first axis.",
                hint="Measure it without --batch.",
            )
    return batches


def _made_inputs(request: PrepareRequest, interpreter: Interpreter) -> tuple[np.ndarray, ...]:
    random = np.random.default_rng(request.seed)
    return tuple(_made_input(spec, random, request.model) for spec in interpreter.inputs)


def _run_on_zeros(interpreter: Interpreter, values: tuple[np.ndarray, ...]) -> None:
    """Run a file of unknown origin once on what silence and darkness look like: some never come back from it."""
    for index, value in enumerate(values):
        interpreter.set_input(index, np.zeros_like(value))
    interpreter.invoke()


def _made_input(spec: TensorSpec, random: np.random.Generator, model: str) -> np.ndarray:
    """Real values of 0 to 1; whole numbers of 0 and 1, which are valid as indexes, too."""
    shape = tuple(1 if size < 0 else size for size in spec.shape)
    kind = np.dtype(spec.dtype).kind
    if kind == "f" or (kind in "iu" and spec.quantization is not None):
        return store(np.asarray(random.random(shape)), spec).reshape(shape)
    if kind in "biu":
        return np.asarray(random.integers(0, 2, shape), dtype=spec.dtype)
    raise ModelError(
        f"{model}: input {spec.name} is of type {spec.dtype}, for which no value can be made; allowed: numbers.",
        hint="Measure a bundle, which brings its own inputs.",
    )


def _write(folder: Path, values: tuple[np.ndarray, ...]) -> tuple[str, ...]:
    paths = []
    for index, value in enumerate(values):
        path = folder / f"input-{index}.npy"
        np.save(path, value, allow_pickle=False)
        paths.append(str(path))
    return tuple(paths)
