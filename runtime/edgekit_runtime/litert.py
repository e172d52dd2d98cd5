"""The only importer of LiteRT, which runs `.tflite` files."""

from __future__ import annotations

import time
import warnings
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Optional

import numpy as np

from edgekit_runtime.arena import TensorPlace
from edgekit_runtime.errors import MissingExtraError, ModelError, first_line
from edgekit_runtime.tensor import TensorSpec
from edgekit_runtime.tflite_interpreter import (
    DELEGATE,
    TfliteInterpreter,
    open_tflite,
    operators_of,
    places_of,
    spec_of,
)

try:
    from ai_edge_litert.interpreter import Interpreter as _Interpreter
    from ai_edge_litert.interpreter import OpResolverType
except ImportError as missing:
    raise MissingExtraError(
        "LiteRT is not installed, so no .tflite file can be run here.", hint="Run: pip install ai-edge-litert"
    ) from missing


PACKAGE, LITERT = "ai-edge-litert", "LiteRT"


class LiteRtInterpreter(TfliteInterpreter):
    """A `.tflite` model under LiteRT with its default kernels (XNNPACK where it can).

    Args:
        path: The file.
        threads: Threads of the kernels.
        batch: Samples in one inference; above 1 only where every input has a free batch axis.

    Raises:
        ModelError: LiteRT refuses the file or the batch.
    """

    def __init__(self, path: str, threads: int = 1, batch: int = 1) -> None:
        super().__init__(path, PACKAGE, _open(path, batch, num_threads=threads), LITERT)


class BuiltinInterpreter(TfliteInterpreter):
    """A `.tflite` model under LiteRT's own kernels, one after the other: those that tflite-runtime has as well.

    Args:
        path: The file.

    Raises:
        ModelError: LiteRT refuses the file, or only a delegate runs it.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path, PACKAGE, _open_builtin(path, num_threads=1), LITERT)


class TensorReader:
    """A `.tflite` model that keeps every activation, for calibration and comparison.

    LiteRT then gives XNNPACK each operator by itself, so that every tensor is there and is the one of the device's
    kernels, at a fourth of the time of the builtin ones. These run a file of which XNNPACK hides some tensors all the
    same, or that it cannot run so.

    Args:
        path: The file.
        names: The activations to give; `None` for all.

    Raises:
        ModelError: LiteRT refuses the file.
    """

    def __init__(self, path: str, names: Optional[Collection[str]] = None) -> None:
        self._path = path
        self._interpreter = _open_preserving(path)
        inputs = self._interpreter.get_input_details()
        self.inputs = tuple(map(spec_of, inputs))
        self._input_indexes = [detail["index"] for detail in inputs]
        self._writers = {
            index: name for name, _, outputs in operators_of(self._interpreter) if name != DELEGATE for index in outputs
        }
        wanted = self._writers.keys() | set(self._input_indexes)
        self._activations = [
            (detail["index"], spec_of(detail))
            for detail in self._interpreter.get_tensor_details()
            if detail["index"] in wanted and (names is None or detail["name"] in names)
        ]

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
            self._invoke(values)
        except (RuntimeError, ValueError):  # such as shapes that are known only in a run, operator by operator
            self._interpreter = _open_builtin_preserving(self._path)
            try:
                self._invoke(values)
            except (RuntimeError, ValueError) as error:
                raise ModelError(f"{self._path}: LiteRT cannot run it: {first_line(error)}") from error
        for index, spec in self._activations:
            yield spec, self._read(index, spec)

    def _invoke(self, values: tuple[np.ndarray, ...]) -> None:
        self._interpreter.reset_all_variables()
        for index, value in zip(self._input_indexes, values):
            self._interpreter.set_tensor(index, value)
        self._interpreter.invoke()

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
    return places_of(path, _open_builtin(path, batch, num_threads=1))


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


def _open(path: str, batch: int = 1, **options: Any) -> Any:  # LiteRT ships no types
    return open_tflite(_Interpreter, LITERT, path, batch, **options)


def _open_preserving(path: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # LiteRT says that this takes memory
        interpreter = _open(path, num_threads=1, experimental_preserve_all_tensors=True)
    return _open_builtin_preserving(path) if _hides_tensors(interpreter) else interpreter


def _open_builtin_preserving(path: str) -> Any:
    return _open_builtin(path, num_threads=1, experimental_preserve_all_tensors=True)


def _hides_tensors(interpreter: Any) -> bool:
    """Whether a delegate leaves tensors unwritten.

    So it does with what lies between operators that it took over at once, and with weights that it restores for
    itself, such as those that are float16 in the file.
    """
    operators = operators_of(interpreter)
    taken = {frozenset(outputs): frozenset(inputs) for name, inputs, outputs in operators if name != DELEGATE}
    given = {detail["index"] for detail in interpreter.get_input_details()}
    computed = given.union(*taken)
    return not all(
        computed.intersection(inputs) and frozenset(inputs) <= taken.get(frozenset(outputs), frozenset())
        for name, inputs, outputs in operators
        if name == DELEGATE
    )


def _open_builtin(path: str, batch: int = 1, **options: Any) -> Any:
    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    return _open(path, batch, experimental_op_resolver_type=resolver, **options)
