"""A live source model in TensorFlow's hands: run, export."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from edgekit_converters.keras.custom import import_custom
from edgekit_converters.keras.load import load_layers
from edgekit_converters.keras.program import Program
from edgekit_converters.keras.saved_model import SavedModelProgram, check_graph
from edgekit_converters.parting import Activation
from edgekit_converters.source import AxisOrder, SourceInfo, signature_names
from edgekit_runtime.errors import ConversionError, ModelError, first_line
from edgekit_runtime.tensor import TensorSpec

LACKING = re.compile(r"'tf\.(\w+)' op is neither a custom op nor a flex op")  # likewise of an operator
LOOP = "TensorListReserve"  # what TFLite's converter says of a loop that it cannot take


class KerasModel:
    """A loaded source model.

    Args:
        program: The model itself.
        path: Where it came from, for errors.

    Raises:
        ModelError: Its inputs or outputs have free axes besides the batch, or what they hold is no numbers.
    """

    def __init__(self, program: Program, path: Path) -> None:
        self.path = path
        self.run(program)

    def run(self, program: Program) -> None:
        """Go on as this program.

        Raises:
            ModelError: As above.
        """
        self._program = program
        self._check()
        self.info = SourceInfo(program.inputs, program.outputs, program.parameters, program.libraries)
        self.__dict__.pop("_graph", None)

    @property
    def batch(self) -> int | None:
        """Its fixed number of samples, if it was built with one."""
        return self._program.batch

    def predict(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name for a batch, each `(N, ...)`.

        Raises:
            ModelError: TensorFlow cannot run it.
        """
        values = [inputs[spec.name] for spec in self.info.inputs]
        step = self._program.batch or len(values[0])
        try:
            parts = [self._graph(*(value[i : i + step] for value in values)) for i in range(0, len(values[0]), step)]
        except Exception as error:  # Keras and TensorFlow raise many kinds; the user gets one line
            raise ModelError(
                f"{self.path}: {self._library} cannot run it: {first_line(error)}", hint="See the whole log with -v."
            ) from error
        outputs = [np.concatenate([np.asarray(tensor) for tensor in output]) for output in zip(*parts, strict=True)]
        return {spec.name: output for spec, output in zip(self.info.outputs, outputs, strict=True)}

    def activations(self, sample: Mapping[str, np.ndarray]) -> tuple[Activation, ...]:
        """What each layer gives for one sample; nothing where layers are not known."""
        return self._program.activations([sample[spec.name][None] for spec in self.info.inputs])

    def export(self, path: Path, model_format: str) -> tuple[AxisOrder, ...]:
        """Write it as a float32 file with a static batch of 1, under its own input and output names.

        Args:
            path: Where to write.
            model_format: `tflite` or `onnx`.

        Raises:
            ConversionError: TensorFlow or tf2onnx refuses.
        """
        if model_format == "onnx":
            from edgekit_converters.keras.to_onnx import export_onnx

            export_onnx(self._program, self.path, path)
        else:
            self._export_tflite(path)
        return ()

    def _export_tflite(self, path: Path) -> None:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix="savedmodel-") as folder:
            try:
                self._export_saved_model(folder)
                content = tf.lite.TFLiteConverter.from_saved_model(folder).convert()
            except Exception as error:  # TensorFlow raises many kinds; the user gets one line
                raise self._refusal(error) from error
        path.write_bytes(content)

    @cached_property
    def _graph(self) -> Any:
        """The model as a TensorFlow graph: run eagerly, every layer would keep buffers of its own for each batch."""
        signature = [tf.TensorSpec((self._program.batch, *s.sample_shape), s.dtype) for s in self.info.inputs]
        return tf.function(lambda *inputs: self._program.run(inputs), input_signature=signature, autograph=False)

    def _export_saved_model(self, folder: str) -> None:
        specs = [
            tf.TensorSpec((1, *spec.sample_shape), spec.dtype, name=name)
            for spec, name in zip(self.info.inputs, signature_names(self.info.inputs), strict=True)
        ]
        names = signature_names(self.info.outputs)

        def run(*inputs: Any) -> dict[str, Any]:
            return dict(zip(names, self._program.run_for_export(inputs), strict=True))

        module = tf.Module()
        module.holder = self._program.holder
        graph = tf.function(run, input_signature=specs, autograph=False).get_concrete_function()
        tf.saved_model.save(module, folder, signatures=graph)

    def _refusal(self, error: Exception) -> ConversionError:
        if LOOP in str(error):
            return ConversionError(
                f"{self.path}: it holds the loop of a recurrent layer, which TFLite does not take.",
                hint="Convert the .keras or .h5 file that it was exported from: there edgekit unrolls the loop.",
            )
        lacking = sorted(set(LACKING.findall(str(error))))
        if lacking:
            return ConversionError(
                f"{self.path}: TFLite has no operator for TensorFlow's {', '.join(lacking)}.",
                hint="Replace the layers that need it.",
            )
        return ConversionError(
            f"{self.path}: TensorFlow cannot convert it to TFLite: {first_line(error)}",
            hint="See the whole log with -v.",
        )

    @property
    def _library(self) -> str:
        return f"{self.info.libraries[0].name} {self.info.libraries[0].version}"

    def _check(self) -> None:
        for border, specs in (("input", self._program.inputs), ("output", self._program.outputs)):
            for spec in specs:
                self._check_tensor(border, spec)
        if self._program.batch not in (None, 1):
            raise ModelError(
                f"{self.path}: it takes {self._program.batch} samples at a time; allowed: any number of them, or 1.",
                hint="Build or export the model with a free batch axis.",
            )

    def _check_tensor(self, border: str, spec: TensorSpec) -> None:
        if -1 in spec.sample_shape:
            raise ModelError(
                f"{self.path}: {border} {spec.name} has shape {spec.shape}; allowed: only the batch axis is free.",
                hint="Build the model with a fixed input shape.",
            )
        if spec.dtype == "string":
            raise ModelError(
                f"{self.path}: {border} {spec.name} holds strings; allowed: numbers.",
                hint="Leave the layers that handle text out of the model, and run them before it.",
            )


def load_model(path: Path, source_format: str, trust: bool, custom: Sequence[str]) -> KerasModel:
    """Load a source model; `check_safe` comes first where its author is not trusted.

    Args:
        path: The file or folder.
        source_format: `keras`, `keras-h5` or `saved-model`.
        trust: Whether code inside the file may run.
        custom: The user's modules that define classes the model names.

    Raises:
        ModelError: It is damaged, holds code that is not trusted, or cannot be loaded.
        RecipeError: A module of `custom` cannot be imported.
        ConversionError: It has a recurrent layer that cannot be unrolled.
    """
    if source_format == "saved-model":
        if not trust:
            check_graph(path)
        return KerasModel(SavedModelProgram(path), path)
    program = load_layers(path, source_format, trust, import_custom(custom))
    if not program.renewable:
        return KerasModel(program, path)
    from edgekit_converters.keras.compressible import CompressibleModel

    return CompressibleModel(program, path)
