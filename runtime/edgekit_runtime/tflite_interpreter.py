"""The face that LiteRT and tflite-runtime, the older of the two, have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

import numpy as np

from edgekit_runtime.arena import TensorPlace
from edgekit_runtime.errors import ModelError, first_line
from edgekit_runtime.tensor import Quantization, TensorSpec

DELEGATE = "DELEGATE"  # the name of an operator that stands for those it took over


class TfliteInterpreter:
    """A `.tflite` model that is ready to run.

    Args:
        path: The file.
        package: The library's package, which a version is told of.
        interpreter: The library's own interpreter, with its memory allocated.
        who: The library, for errors.
    """

    def __init__(self, path: str, package: str, interpreter: Any, who: str) -> None:
        self._path = path
        self._package = package
        self._who = who
        self._interpreter = interpreter
        self.inputs = tuple(map(spec_of, interpreter.get_input_details()))
        self.outputs = tuple(map(spec_of, interpreter.get_output_details()))
        self._input_indexes = [detail["index"] for detail in interpreter.get_input_details()]
        self._output_indexes = [detail["index"] for detail in interpreter.get_output_details()]

    @property
    def library(self) -> str:
        """The library and its version, such as `ai-edge-litert 2.3.0`."""
        from importlib.metadata import version

        return f"{self._package} {version(self._package)}"

    @property
    def kernels(self) -> str:
        """`xnnpack` when a delegate took operators over, else `builtin`."""
        return "xnnpack" if any(name == DELEGATE for name, *_ in operators_of(self._interpreter)) else "builtin"

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
            raise ModelError(f"{self._path}: {self._who} cannot run it: {first_line(error)}") from error

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


def open_tflite(
    make: Callable[..., Any], who: str, path: str, batch: int = 1, **options: Any
) -> Any:  # neither library ships types; this file is their border
    """Load a file, and allocate its memory.

    Args:
        make: The library's interpreter.
        who: The library, for errors.
        path: The file.
        batch: Samples in one inference; above 1 only where every input has a free batch axis.
        **options: For `make`.

    Raises:
        ModelError: The library refuses the file or the batch.
    """
    try:
        interpreter = make(model_path=path, **options)
        if batch > 1:
            _resize(path, interpreter, batch)
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise ModelError(
            f"{path}: {who} refuses it: {first_line(error)}", hint=f"It may be damaged, or need operators {who} lacks."
        ) from error
    return interpreter


def places_of(path: str, interpreter: Any) -> tuple[TensorPlace, ...]:
    """Where an interpreter with builtin kernels puts a model's tensors.

    A delegate would keep the tensors between its operators elsewhere, and show none of them.

    Raises:
        ModelError: A tensor's shape is known only in a run.
    """
    activations = {index for _, _, outputs in operators_of(interpreter) for index in outputs}
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


def operators_of(interpreter: Any) -> list[tuple[str, Any, Any]]:
    """Each operator's name, and the indexes of its inputs and of its outputs."""
    # The only listing of operators there is; a version without it names none.
    details: Any = getattr(interpreter, "_get_ops_details", list)()
    return [(detail["op_name"], detail["inputs"], detail["outputs"]) for detail in details]


def spec_of(detail: Any) -> TensorSpec:
    """A tensor as the library tells of it."""
    parameters = detail["quantization_parameters"]
    scales = tuple(float(scale) for scale in parameters["scales"])
    dtype = np.dtype(detail["dtype"]).name
    quantization = None
    if scales and dtype not in ("float32", "float16"):
        axis = int(parameters["quantized_dimension"]) if len(scales) > 1 else None
        quantization = Quantization(scales, tuple(int(z) for z in parameters["zero_points"]), axis)
    return TensorSpec(detail["name"], tuple(int(size) for size in detail["shape"]), dtype, quantization)


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
