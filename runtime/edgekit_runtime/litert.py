"""The only importer of LiteRT, which runs `.tflite` files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from edgekit_runtime.errors import MissingExtraError, ModelError, first_line
from edgekit_runtime.tensor import Quantization, TensorSpec

try:
    from ai_edge_litert.interpreter import Interpreter as _Interpreter
    from ai_edge_litert.interpreter import OpResolverType
except ImportError as missing:
    raise MissingExtraError(
        "LiteRT is not installed, so no .tflite file can be run here.", hint="Run: pip install ai-edge-litert"
    ) from missing


class LiteRtInterpreter:
    """A `.tflite` model under LiteRT with its default kernels (XNNPACK where it can).

    Args:
        path: The file.
        threads: Threads of the kernels.

    Raises:
        ModelError: LiteRT refuses the file.
    """

    def __init__(self, path: str, threads: int = 1) -> None:
        self._path = path
        self._interpreter = _open(path, num_threads=threads)
        self.inputs = tuple(map(_spec, self._interpreter.get_input_details()))
        self.outputs = tuple(map(_spec, self._interpreter.get_output_details()))
        self._input_indexes = [detail["index"] for detail in self._interpreter.get_input_details()]
        self._output_indexes = [detail["index"] for detail in self._interpreter.get_output_details()]

    @property
    def library(self) -> str:
        """`ai-edge-litert` and its version."""
        from importlib.metadata import version

        return f"ai-edge-litert {version('ai-edge-litert')}"

    @property
    def kernels(self) -> str:
        """`xnnpack` when a delegate took operators over, else `builtin`."""
        return "xnnpack" if any(name == "DELEGATE" for name, *_ in _operators(self._interpreter)) else "builtin"

    def signature(self) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """From the names of the signature's inputs, and of its outputs, to the file's tensors.

        Raises:
            ModelError: The file has none, or several.
        """
        try:
            runner = self._interpreter.get_signature_runner()
        except ValueError as error:
            raise ModelError(
                f"{self._path}: it has {len(self._interpreter.get_signature_list())} signatures; allowed: one."
            ) from error
        inputs = {name: str(detail["name"]) for name, detail in runner.get_input_details().items()}
        return inputs, {name: str(detail["name"]) for name, detail in runner.get_output_details().items()}

    def set_input(self, index: int, value: np.ndarray) -> None:
        """Copy a value of the input's shape and type in; what an earlier run left as state is cleared.

        Recurrent kernels keep their state from one run to the next, so that a sample's result
        would depend on those before it. Repeated runs on the same input keep it.

        Raises:
            ModelError: The value does not fit.
        """
        try:
            self._interpreter.reset_all_variables()
            self._interpreter.set_tensor(self._input_indexes[index], value)
        except ValueError as error:
            raise ModelError(f"{self._path}: input {self.inputs[index].name}: {first_line(error)}") from error

    def invoke(self) -> None:
        """Run the model once.

        Raises:
            ModelError: An operator failed.
        """
        try:
            self._interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"{self._path}: LiteRT cannot run it: {first_line(error)}") from error

    def output(self, index: int) -> np.ndarray:
        """A copy of an output."""
        return np.asarray(self._interpreter.get_tensor(self._output_indexes[index]))


class TensorReader:
    """A `.tflite` model that keeps every activation, for calibration and comparison.

    It takes LiteRT's builtin kernels, one after the other: a delegate would hide the tensors
    between its operators.

    Args:
        path: The file.

    Raises:
        ModelError: LiteRT refuses the file.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._interpreter = _open(
            path,
            num_threads=1,
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        inputs = self._interpreter.get_input_details()
        self.inputs = tuple(map(_spec, inputs))
        self._input_indexes = [detail["index"] for detail in inputs]
        produced = {index for _, _, outputs in _operators(self._interpreter) for index in outputs}
        wanted = produced.union(self._input_indexes)
        self._activations = [
            (detail["index"], _spec(detail))
            for detail in self._interpreter.get_tensor_details()
            if detail["index"] in wanted
        ]
        self._writers = {
            detail_index: name for name, _, outputs in _operators(self._interpreter) for detail_index in outputs
        }

    @property
    def activations(self) -> tuple[TensorSpec, ...]:
        """The inputs and every tensor an operator writes, in the file's order."""
        return tuple(spec for _, spec in self._activations)

    @property
    def operators(self) -> Mapping[str, str]:
        """From an activation's name to the operator that writes it."""
        return {spec.name: self._writers[index] for index, spec in self._activations if index in self._writers}

    def run(self, values: tuple[np.ndarray, ...]) -> Iterator[tuple[TensorSpec, np.ndarray]]:
        """Run the model once, from a cleared state, then give each activation's stored value in turn.

        Args:
            values: One array for each input, of its shape and type.

        Raises:
            ModelError: A value does not fit, or an operator failed.
        """
        try:
            self._interpreter.reset_all_variables()
            for index, value in zip(self._input_indexes, values):
                self._interpreter.set_tensor(index, value)
            self._interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"{self._path}: LiteRT cannot run it: {first_line(error)}") from error
        for index, spec in self._activations:
            yield spec, self._read(index, spec)

    def _read(self, index: int, spec: TensorSpec) -> np.ndarray:
        try:
            return np.asarray(self._interpreter.get_tensor(index))
        except ValueError as error:  # such as a tensor of strings
            raise ModelError(f"{self._path}: tensor {spec.name} cannot be read: {first_line(error)}") from error


def _open(path: str, **options: Any) -> Any:  # LiteRT ships no types; this file is their border
    try:
        interpreter = _Interpreter(model_path=path, **options)
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise ModelError(
            f"{path}: LiteRT refuses it: {first_line(error)}", hint="It may be damaged, or need operators LiteRT lacks."
        ) from error
    return interpreter


def _operators(interpreter: Any) -> list[tuple[str, Any, Any]]:
    # The only listing of operators LiteRT's Python has; a version without it names none.
    details: Any = getattr(interpreter, "_get_ops_details", list)()
    return [(detail["op_name"], detail["inputs"], detail["outputs"]) for detail in details]


def _spec(detail: Any) -> TensorSpec:
    parameters = detail["quantization_parameters"]
    scales = tuple(float(scale) for scale in parameters["scales"])
    dtype = np.dtype(detail["dtype"]).name
    quantization = None
    if scales and dtype not in ("float32", "float16"):
        axis = int(parameters["quantized_dimension"]) if len(scales) > 1 else None
        quantization = Quantization(scales, tuple(int(z) for z in parameters["zero_points"]), axis)
    return TensorSpec(detail["name"], tuple(int(size) for size in detail["shape"]), dtype, quantization)
