"""The process that runs a bundle once on what the user gives it."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Mapping
from typing import Union

import numpy as np

from edgekit_runtime.child import serve
from edgekit_runtime.codec import decode, encode
from edgekit_runtime.errors import DataError, ModelError, first_line
from edgekit_runtime.model import Model, load
from edgekit_runtime.run import SHOWN_CLASSES, Answer, OutputAnswer, RankedClass, RunRequest

NPY_MAGIC, ZIP_MAGIC = b"\x93NUMPY", b"PK\x03\x04"
SINGLE_INPUT = "x"
SUM_OF_SHARES = 0.02  # how far shares, rounded to steps of 1/256, may be from adding up to 1
Given = Union[np.ndarray, Mapping[str, np.ndarray]]


def run_once(request: RunRequest) -> Answer:
    """Run a bundle on a picture, or on arrays.

    Raises:
        BundleError: The bundle is damaged.
        DataError: What was given does not fit.
        ModelError: The interpreter refuses the model, or an output is NaN or infinite.
    """
    model = load(request.bundle, threads=request.threads)
    given = _read(model, request.input)
    outputs = model(given)
    named = outputs if isinstance(outputs, dict) else {model.manifest.outputs[0].source.name: outputs}
    several = {name: value if _is_batch(model, name, value) else value[None] for name, value in named.items()}
    count = len(next(iter(several.values())))
    samples = tuple(
        tuple(_answer(model, name, values[i], request.input) for name, values in several.items()) for i in range(count)
    )
    return Answer(model.manifest.name, request.input, samples)


def answer() -> None:
    """Answer the parent that started this process."""
    serve({"run": lambda payload, _: dict(encode(run_once(decode(RunRequest, payload))))})


def _read(model: Model, path: str) -> Given:
    try:
        with open(path, "rb") as file:
            head = file.read(6)
        if head.startswith((NPY_MAGIC, ZIP_MAGIC)):
            return _named(model, np.load(path, allow_pickle=False))
    except OSError as error:
        raise DataError(f"{path}: {os.strerror(error.errno or 0).lower()}.", hint="Check the path.") from error
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: no file of plain arrays: {first_line(error)}") from error
    return model.read_picture(path)


def _named(model: Model, content: object) -> Given:
    if isinstance(content, np.ndarray):
        return content
    assert isinstance(content, np.lib.npyio.NpzFile)
    with content:
        names = [binding.source.name for binding in model.manifest.inputs]
        arrays = {name: np.asarray(content[name]) for name in content.files}
    if len(names) == 1 and SINGLE_INPUT in arrays:
        return arrays[SINGLE_INPUT]
    return {name: arrays[name] for name in names if name in arrays}


def _is_batch(model: Model, name: str, value: np.ndarray) -> bool:
    binding = next(binding for binding in model.manifest.outputs if binding.source.name == name)
    return value.ndim > len(binding.source.sample_shape)


def _answer(model: Model, name: str, values: np.ndarray, given: str) -> OutputAnswer:
    if not np.isfinite(values).all():
        raise ModelError(f"{given}: output {name} is NaN or infinite.", hint="Check the range of what was given.")
    flat = tuple(float(value) for value in values.ravel())
    best: tuple[RankedClass, ...] = ()
    if _holds_classes(model, values):
        order = np.argsort(-values, kind="stable")[:SHOWN_CLASSES]
        best = tuple(RankedClass(int(i), _label(model, int(i), len(values)), float(values[i])) for i in order)
    return OutputAnswer(name, tuple(values.shape), best, flat)


def _holds_classes(model: Model, values: np.ndarray) -> bool:
    """Whether there is a score for each named class, or shares that add up to 1."""
    if values.ndim != 1 or len(values) < 2:
        return False
    if model.labels:
        return len(model.labels) == len(values)
    return bool(np.min(values) >= 0 and abs(float(np.sum(values)) - 1) < SUM_OF_SHARES)


def _label(model: Model, index: int, count: int) -> str:
    return model.labels[index] if len(model.labels) == count else f"class {index}"
