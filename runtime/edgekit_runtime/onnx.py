"""The only importer of onnxruntime on a device, which runs `.onnx` files."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from edgekit_runtime.errors import MissingExtraError, ModelError, first_line
from edgekit_runtime.onnx_exact import exact_session
from edgekit_runtime.tensor import TensorSpec

try:
    import onnxruntime
except ImportError as missing:
    raise MissingExtraError(
        "onnxruntime is not installed, so no .onnx file can be run here.", hint="Run: pip install onnxruntime"
    ) from missing

# By the names that onnxruntime gives to types.
DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
    "tensor(int16)": "int16",
    "tensor(uint16)": "uint16",
    "tensor(int32)": "int32",
    "tensor(uint32)": "uint32",
    "tensor(int64)": "int64",
    "tensor(uint64)": "uint64",
    "tensor(bool)": "bool",
}
NUMBERS = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")
RUNNING = re.compile(r"Non-zero status code returned while running (\w+) node\. Name:'([^']*)' Status Message: ")
PLACE = re.compile(r"/\S+\.(?:cc|h):\d+ [^()]*\([^()]*\)(?:::<lambda\(\)>)? ")


class Profile(NamedTuple):
    """What onnxruntime wrote down.

    Attributes:
        path: Its file, in the form of Chrome's traces.
        times_ns: The time of each inference.
    """

    path: str
    times_ns: tuple[int, ...]


class OnnxInterpreter:
    """An `.onnx` model under onnxruntime's CPU kernels.

    Args:
        path: The file.
        threads: Threads of the kernels.
        batch: Samples in one inference; above 1 only where every input has a free batch axis.

    Raises:
        ModelError: onnxruntime refuses the file or the batch.
    """

    def __init__(self, path: str, threads: int = 1, batch: int = 1) -> None:
        self._path = path
        self._session = _open(path, threads)
        self.inputs = tuple(_spec(path, node) for node in self._session.get_inputs())
        self.outputs = tuple(_spec(path, node) for node in self._session.get_outputs())
        if batch > 1:
            self._check_batch(batch)
        self.inputs = tuple(_with_batch(spec, batch) for spec in self.inputs)
        self._values: dict[str, np.ndarray] = {}
        self._results: list[np.ndarray] = []

    @property
    def library(self) -> str:
        """`onnxruntime` and its version."""
        return f"onnxruntime {onnxruntime.__version__}"

    @property
    def kernels(self) -> str:
        """`cpu`: onnxruntime has one set of kernels for processors."""
        return "cpu"

    def signature(self) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Inputs and outputs are called by their tensors' own names."""
        return {spec.name: spec.name for spec in self.inputs}, {spec.name: spec.name for spec in self.outputs}

    def set_input(self, index: int, value: np.ndarray) -> None:
        """Keep a value of the input's shape and type for the next run.

        Raises:
            ModelError: The value does not fit.
        """
        spec = self.inputs[index]
        fits = len(value.shape) == len(spec.shape) and all(
            wanted in (-1, size) for wanted, size in zip(spec.shape, value.shape)
        )
        if not fits or value.dtype.name != spec.dtype:
            raise ModelError(
                f"{self._path}: input {spec.name} was given {value.dtype.name} of shape {value.shape}; "
                f"allowed: {spec.dtype} of shape {spec.shape}."
            )
        self._values[spec.name] = np.array(value, order="C")

    def invoke(self) -> None:
        """Run the model once.

        Raises:
            ModelError: An operator failed.
        """
        try:
            self._results = self._session.run(None, self._values)
        except Exception as error:  # onnxruntime's own kinds have no common base
            raise ModelError(f"{self._path}: onnxruntime cannot run it: {reason(error)}") from error

    def output(self, index: int) -> np.ndarray:
        """An output of the last run.

        Raises:
            ModelError: It is no array.
        """
        value = self._results[index]
        if not isinstance(value, np.ndarray):
            raise ModelError(
                f"{self._path}: output {self.outputs[index].name} is a {type(value).__name__}; allowed: a tensor."
            )
        return value

    def _check_batch(self, batch: int) -> None:
        for spec in self.inputs:
            if spec.shape[:1] != (-1,):
                raise ModelError(
                    f"{self._path}: input {spec.name} has the fixed shape {spec.shape}, so it takes no batch of "
                    f"{batch}; allowed: files whose inputs have a free batch axis, -1.",
                    hint="Measure it without --batch: bundles are converted with a fixed batch of 1.",
                )


def record_profile(path: str, values: Sequence[np.ndarray], threads: int, inferences: int, folder: str) -> Profile:
    """Run a model while onnxruntime writes down what each node takes.

    Args:
        path: The file.
        values: One for each input.
        threads: Threads of the kernels.
        inferences: How many.
        folder: Where the profile is written.

    Raises:
        ModelError: onnxruntime refuses the file or a value.
    """
    session, times = _open(path, threads, f"{folder}/profile"), []
    given = {node.name: value for node, value in zip(session.get_inputs(), values)}
    try:
        for _ in range(inferences):
            started = time.perf_counter_ns()
            session.run(None, given)
            times.append(time.perf_counter_ns() - started)
        return Profile(str(session.end_profiling()), tuple(times))
    except Exception as error:  # onnxruntime's own kinds have no common base
        raise ModelError(f"{path}: onnxruntime cannot profile it: {reason(error)}") from error


def reason(error: BaseException) -> str:
    """What onnxruntime says in an error, without its numbers, its places in the source and its wrappings."""
    text = NUMBERS.sub("", " ".join(str(error).split()))
    text = PLACE.sub("", RUNNING.sub(r"\1 \2: ", text).replace(" : ", ": ", 1))
    return first_line(ModelError(text.strip())) if text.strip() else "it does not say why"


def _open(path: str, threads: int, profile: str = "") -> Any:  # onnxruntime ships no types; this file is their border
    def options_at(severity: int) -> Any:
        options = onnxruntime.SessionOptions()
        options.enable_profiling, options.profile_file_prefix = bool(profile), profile
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = severity
        return options

    try:
        return exact_session(path, options_at)
    except Exception as error:  # onnxruntime's own kinds have no common base
        raise ModelError(
            f"{path}: onnxruntime refuses it: {reason(error)}",
            hint="It may be damaged, or need operators onnxruntime lacks.",
        ) from error


def _with_batch(spec: TensorSpec, batch: int) -> TensorSpec:
    return replace(spec, shape=(batch, *spec.shape[1:])) if spec.shape[:1] == (-1,) else spec


def _spec(path: str, node: Any) -> TensorSpec:
    if node.type not in DTYPES:
        raise ModelError(f"{path}: {node.name} is a {node.type}; allowed: a tensor of numbers.")
    shape = tuple(size if isinstance(size, int) and size >= 0 else -1 for size in node.shape or ())
    return TensorSpec(node.name, shape, DTYPES[node.type])
