"""The only importer of LiteRT, which runs `.tflite` files."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from edgekit_runtime.arena import TensorPlace
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
        batch: Samples in one inference; above 1 only where every input has a free batch axis.

    Raises:
        ModelError: LiteRT refuses the file or the batch.
    """

    def __init__(self, path: str, threads: int = 1, batch: int = 1) -> None:
        self._path = path
        self._interpreter = _open(path, batch, num_threads=threads)
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

        A file without a signature calls them by its tensors' own names.

        Raises:
            ModelError: The file has several.
        """
        if not self._interpreter.get_signature_list():
            return {spec.name: spec.name for spec in self.inputs}, {spec.name: spec.name for spec in self.outputs}
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
        """A copy of an output.

        Raises:
            ModelError: It has no value of its type and shape.
        """
        try:
            return np.asarray(self._interpreter.get_tensor(self._output_indexes[index]))
        except ValueError as error:
            raise ModelError(
                f"{self._path}: output {self.outputs[index].name} cannot be read: {first_line(error)}"
            ) from error


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


def tensor_places(path: str, batch: int = 1) -> tuple[TensorPlace, ...]:
    """Where LiteRT puts a model's tensors, with its builtin kernels.

    A delegate would keep the tensors between its operators elsewhere, and show none of them.

    Args:
        path: The file.
        batch: Samples in one inference.

    Raises:
        ModelError: LiteRT refuses the file or the batch, or a tensor's shape is known only in a run.
    """
    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = _open(path, batch, num_threads=1, experimental_op_resolver_type=resolver)
    activations = {index for _, _, outputs in _operators(interpreter) for index in outputs}
    activations.update(detail["index"] for detail in interpreter.get_input_details())
    places = []
    for detail in interpreter.get_tensor_details():
        index, name = detail["index"], detail["name"]
        if index not in activations and name:
            continue  # a constant, or a state that outlives the run; scratch memory of kernels has no name
        try:
            array = interpreter.tensor(index)()
        except ValueError as error:
            raise ModelError(f"{path}: tensor {name} has its place only in a run: {first_line(error)}") from error
        places.append(TensorPlace(array.__array_interface__["data"][0], array.nbytes, index in activations))
    return tuple(places)


def compiled_load_ns(path: str, threads: int, cache: str) -> int:
    """The time that LiteRT's CompiledModel takes to load a model: its Interpreter takes no weight cache.

    Args:
        path: The file.
        threads: Threads of the kernels.
        cache: File of XNNPACK's weight cache, which is written where it is missing; empty for none.

    Raises:
        ModelError: This LiteRT has no CompiledModel, or it refuses the file.
    """
    try:
        from ai_edge_litert.compiled_model import CompiledModel
        from ai_edge_litert.cpu_options import CpuOptions
        from ai_edge_litert.environment import Environment
        from ai_edge_litert.hardware_accelerator import HardwareAccelerator
        from ai_edge_litert.options import Options
    except ImportError as missing:
        raise ModelError("this LiteRT has no CompiledModel, which alone takes a weight cache") from missing
    environment = Environment.create()
    cpu = CpuOptions(num_threads=threads, xnnpack_weight_cache_path=cache)
    options = Options(hardware_accelerators=HardwareAccelerator.CPU, cpu_options=cpu)
    started = time.perf_counter_ns()
    try:
        model = CompiledModel.from_file(path, environment=environment, options=options)
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"{path}: CompiledModel refuses it: {first_line(error)}") from error
    elapsed_ns = time.perf_counter_ns() - started
    model.close()
    return elapsed_ns


def _open(path: str, batch: int = 1, **options: Any) -> Any:  # LiteRT ships no types; this file is their border
    try:
        interpreter = _Interpreter(model_path=path, **options)
        if batch > 1:
            _resize(path, interpreter, batch)
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise ModelError(
            f"{path}: LiteRT refuses it: {first_line(error)}", hint="It may be damaged, or need operators LiteRT lacks."
        ) from error
    return interpreter


def _resize(path: str, interpreter: Any, batch: int) -> None:
    for detail in interpreter.get_input_details():
        signature = [int(size) for size in detail["shape_signature"]]
        if signature[:1] != [-1]:
            raise ModelError(
                f"{path}: input {detail['name']} has the fixed shape {tuple(signature)}, so it takes no batch of "
                f"{batch}; allowed: files whose inputs have a free batch axis, -1.",
                hint="Measure it without --batch: bundles are converted with a fixed batch of 1.",
            )
        interpreter.resize_tensor_input(detail["index"], [batch, *map(int, detail["shape"][1:])])


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
