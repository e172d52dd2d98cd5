"""A finished `.tflite` file as a source model."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgekit_converters.binding import bind
from edgekit_converters.finished import check_inputs, check_types, predict_each, set_inputs
from edgekit_converters.settings import NamedShape, SourceSettings
from edgekit_converters.source import AxisOrder, SourceInfo
from edgekit_runtime.errors import ConversionError, ModelError, RecipeError
from edgekit_runtime.litert import LiteRtInterpreter
from edgekit_runtime.manifest import Library
from edgekit_runtime.samples import stored_sample
from edgekit_runtime.tensor import TensorSpec
from edgekit_targets.graph.graph import Graph, Tensor
from edgekit_targets.graph.summary import summarize
from edgekit_targets.graph.tflite import read_tflite

REAL = "float32"
FLOATS = ("float16", "float32", "float64")


class TfliteModel:
    """A `.tflite` file that LiteRT runs; it takes and gives real numbers, whatever the file stores.

    Args:
        settings: The file, and what the user says of shapes and types, which a finished file cannot follow.

    Raises:
        ModelError: LiteRT refuses it, or it has weights that are NaN, an open shape, no inputs
            or inputs that are no numbers.
        RecipeError: A shape or a type was asked for that is not the file's.
    """

    def __init__(self, settings: SourceSettings) -> None:
        self._path = path = Path(settings.path)
        graph = read_tflite(path)
        _check_numbers(path, graph)
        self._interpreter = _open(path, graph)
        parameters = summarize(graph).parameters.value
        inputs, outputs = self._interpreter.signature()
        self.info = SourceInfo(
            inputs=tuple(_real(spec, inputs) for spec in self._interpreter.inputs),
            outputs=tuple(_real(spec, outputs) for spec in self._interpreter.outputs),
            parameters=int(parameters or 0),
            libraries=(Library(*self._interpreter.library.split(" ", 1)),),
        )
        check_inputs(path, self.info.inputs)
        self._check(settings.shapes)
        check_types(settings.dtypes, self.info.inputs, "tflite")
        self._border = bind(self.info, (self._interpreter.inputs, self._interpreter.outputs), (inputs, outputs))

    def predict(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name for several samples, each `(N, ...)`.

        Raises:
            ModelError: LiteRT cannot run it.
        """
        return predict_each(self._border, inputs, self._run)

    def export(self, path: Path, model_format: str) -> tuple[AxisOrder, ...]:
        """Copy the file: it is finished.

        Raises:
            ConversionError: Another format was asked for.
        """
        if model_format != "tflite":
            raise ConversionError(f"{self._path}: a .tflite file does not become {model_format}; allowed: tflite.")
        shutil.copyfile(self._path, path)
        return ()

    def _run(self, sample: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        set_inputs(self._interpreter, self._border, sample)
        self._interpreter.invoke()
        places = [spec.name for spec in self._interpreter.outputs]
        return [
            stored_sample(self._interpreter.output(places.index(b.stored.name)), b.source) for b in self._border.outputs
        ]

    def _check(self, shapes: tuple[NamedShape, ...]) -> None:
        for spec in (*self.info.inputs, *self.info.outputs):
            if -1 in spec.sample_shape or np.dtype(spec.dtype).kind not in "fiub":
                raise ModelError(
                    f"{self._path}: {spec.name} is {spec.dtype}, {spec.shape}; allowed: numbers of a fixed shape.",
                    hint="Convert the model that the file was exported from.",
                )
        found = {spec.name: spec.shape for spec in self.info.inputs}
        for asked in shapes:
            name = asked.name or next(iter(found))
            if found.get(name) != asked.shape:
                raise RecipeError(
                    f"--shape {name}={','.join(map(str, asked.shape))}: the shapes in a .tflite file are fixed: "
                    + "; ".join(f"{known} is {shape}" for known, shape in found.items())
                    + "."
                )


def _check_numbers(path: Path, graph: Graph) -> None:
    """Refuse NaN among the weights, all of them at once; infinite ones are in order: masks are made of them."""
    found = [tensor.name for part in graph.subgraphs for tensor in part.tensors if _has_nan(tensor)]
    if found:
        raise ModelError(
            f"{path}: NaN among the weights of {', '.join(found)}.",
            hint="Train the model again, or take an earlier checkpoint: these weights are lost.",
        )


def _has_nan(tensor: Tensor) -> bool:
    if tensor.data is None or tensor.dtype not in FLOATS:
        return False
    dtype = np.dtype(tensor.dtype)
    values = np.frombuffer(tensor.data, dtype, count=len(tensor.data) // dtype.itemsize)
    return bool(np.isnan(values).any())


def _open(path: Path, graph: Graph) -> LiteRtInterpreter:
    custom = sorted({operator.name for part in graph.subgraphs for operator in part.operators if operator.custom})
    try:
        return LiteRtInterpreter(str(path))
    except ModelError as error:
        if not custom:
            raise
        raise ModelError(
            f"{path}: LiteRT lacks an operator, and the file has these custom ones: {', '.join(custom)}.",
            hint="Convert the model without them; a file that was compiled for an accelerator runs only there.",
        ) from error


def _real(spec: TensorSpec, signature: Mapping[str, str]) -> TensorSpec:
    """The tensor under its name in the signature, as the real numbers that it stands for."""
    names = {tensor: name for name, tensor in signature.items()}
    quantized = spec.quantization is not None and np.dtype(spec.dtype).kind in "iu"
    dtype = REAL if quantized else spec.dtype
    return replace(spec, name=names.get(spec.name, spec.name), dtype=dtype, quantization=None)
