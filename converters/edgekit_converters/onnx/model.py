"""An `.onnx` file as a source model."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from edgekit_converters.binding import bind
from edgekit_converters.finished import check_inputs, check_types, predict_each, set_inputs
from edgekit_converters.onnx.read import REAL, read_model
from edgekit_converters.onnx.shapes import drop_constant_inputs, fix_shapes
from edgekit_converters.onnx.upgrade import MODERN_OPSET, upgrade
from edgekit_converters.onnx.walk import constants, opset_of
from edgekit_converters.settings import SourceSettings
from edgekit_converters.source import AxisOrder, SourceInfo
from edgekit_runtime.errors import ConversionError, ModelError
from edgekit_runtime.manifest import Library
from edgekit_runtime.onnx import OnnxInterpreter
from edgekit_runtime.samples import stored_sample

STATIC_OUTPUTS = "Export the model without what comes last, such as the choice of boxes."


class OnnxModel:
    """An `.onnx` file under onnxruntime, with static shapes and a batch of 1.

    Args:
        settings: The file, and shapes for its inputs.

    Raises:
        ModelError: It cannot be read, onnxruntime refuses it, a shape is open, or it has no inputs.
        RecipeError: What was asked does not fit it.
    """

    def __init__(self, settings: SourceSettings) -> None:
        self._path = Path(settings.path)
        model = read_model(self._path)
        drop_constant_inputs(model)
        fix_shapes(self._path, model, settings.shapes)
        self._interpreter, self._model, notes = self._open(model)
        self._fix_outputs()
        check_inputs(self._path, self._interpreter.inputs)
        check_types(settings.dtypes, self._interpreter.inputs, "onnx")
        self.info = SourceInfo(
            inputs=self._interpreter.inputs,
            outputs=self._interpreter.outputs,
            parameters=sum(_size(tensor) for _, tensor in constants(self._model) if tensor.data_type in REAL),
            libraries=(Library(*self._interpreter.library.split(" ", 1)), Library("onnx", onnx.__version__)),
            notes=notes,
        )
        stored = self._interpreter.inputs, self._interpreter.outputs
        self._border = bind(self.info, stored, self._interpreter.signature())

    def predict(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name for several samples, each `(N, ...)`; every sample starts from its own state.

        Raises:
            ModelError: onnxruntime cannot run it, or an output's shape differs between samples.
        """
        return predict_each(self._border, inputs, self._run)

    def export(self, path: Path, model_format: str) -> tuple[AxisOrder, ...]:
        """Write the model with its static shapes, its constants inside the file.

        Raises:
            ConversionError: Another format was asked for.
        """
        if model_format != "onnx":
            raise ConversionError(f"{self._path}: an .onnx file does not become {model_format}; allowed: onnx.")
        onnx.save_model(self._model, str(path))
        return ()

    def _open(self, model: Any) -> tuple[OnnxInterpreter, Any, tuple[str, ...]]:
        """Load it as it is; where onnxruntime has no kernel for an old form, in a newer opset."""
        model = _with_shapes(model)
        old = opset_of(model)
        try:
            return self._load(model), model, ()
        except ModelError:
            if old >= MODERN_OPSET:
                raise
        model = _with_shapes(upgrade(self._path, model))
        return self._load(model), model, (f"rewritten from opset {old} to {MODERN_OPSET}",)

    def _load(self, model: Any) -> OnnxInterpreter:
        with tempfile.NamedTemporaryFile(suffix=".onnx") as file, self._named(file.name):
            self._copy = file.name
            file.write(model.SerializeToString())
            file.flush()
            return OnnxInterpreter(file.name)

    @contextmanager
    def _named(self, copy: str) -> Iterator[None]:
        """Let errors name the user's file instead of its copy."""
        try:
            yield
        except ModelError as error:
            raise ModelError(error.message.replace(copy, str(self._path)), hint=error.hint) from error

    def _fix_outputs(self) -> None:
        """Write the outputs' shapes down: where the file does not tell them, as two runs find them."""
        outputs = self._interpreter.outputs
        unknown = [value.name for value in self._model.graph.output if not _is_static(value)]
        if not unknown:
            return
        try:
            ones, zeros = (self._run_filled(value) for value in (1, 0))
        except ModelError as error:
            raise ModelError(
                f"{self._path}: the shape of output {', '.join(unknown)} depends on the input's values.",
                hint=STATIC_OUTPUTS,
            ) from error
        for spec, one, zero in zip(outputs, ones, zeros, strict=True):
            if one.shape != zero.shape:
                raise self._open_shape(spec.name, one.shape, zero.shape)
        for value, array in zip(self._model.graph.output, ones, strict=True):
            value.type.tensor_type.shape.CopyFrom(onnx.TensorShapeProto())
            for size in array.shape:
                value.type.tensor_type.shape.dim.add().dim_value = size
        self._interpreter = self._load(self._model)

    def _run_filled(self, value: int) -> list[np.ndarray]:
        for i, spec in enumerate(self._interpreter.inputs):
            self._interpreter.set_input(i, np.full(spec.shape, value, spec.dtype))
        return self._invoke()

    def _invoke(self) -> list[np.ndarray]:
        with self._named(self._copy):
            self._interpreter.invoke()
            return [self._interpreter.output(i) for i in range(len(self._interpreter.outputs))]

    def _open_shape(self, name: str, *shapes: tuple[int, ...]) -> ModelError:
        found = " and ".join(map(str, shapes))
        return ModelError(
            f"{self._path}: the shape of output {name} depends on the input's values; it was {found}.",
            hint=STATIC_OUTPUTS,
        )

    def _run(self, sample: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        set_inputs(self._interpreter, self._border, sample)
        found = self._invoke()
        for value, spec in zip(found, self._interpreter.outputs, strict=True):
            if value.shape != spec.shape:
                raise self._open_shape(spec.name, value.shape, spec.shape)
        places = [spec.name for spec in self._interpreter.outputs]
        return [stored_sample(found[places.index(b.stored.name)], b.source) for b in self._border.outputs]


def _with_shapes(model: Any) -> Any:
    """The model with the shapes that follow from its inputs', as far as onnx can tell them."""
    try:
        return onnx.shape_inference.infer_shapes(model, data_prop=True)
    except Exception:  # noqa: BLE001 - what onnx cannot infer, onnxruntime may run all the same
        return model


def _is_static(value: Any) -> bool:
    """Whether a tensor's shape is written down; one without axes is, and one whose axes nobody knows is not."""
    tensor = value.type.tensor_type
    return tensor.HasField("shape") and all(dim.HasField("dim_value") for dim in tensor.shape.dim)


def _size(tensor: Any) -> int:
    return int(np.prod(tensor.dims, dtype=np.int64))
