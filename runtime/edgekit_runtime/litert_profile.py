"""The profiler in LiteRT's C library, through ctypes: its Python has none.

The C interface carries no version of its own, so it is taken only from the releases it was tried with.
"""

from __future__ import annotations

import ctypes
import importlib.util
import time
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from edgekit_runtime.errors import ModelError
from edgekit_runtime.readings import OperatorTime, OperatorTimes
from edgekit_runtime.stats import middle_mean, quantile

TRIED = ("2.3.0",)
PACKAGE, LIBRARY = "ai_edge_litert", "libLiteRt.so"
CPU = 1  # kLiteRtHwAcceleratorCpu
WRITE = 1  # kLiteRtTensorBufferLockModeWrite
RANKED_TYPE_BYTES = 512  # more than a LiteRtRankedTensorType takes
PLAIN, DELEGATED = 2, 8  # kinds of events: an operator of the interpreter, and one within a delegate
METHOD = "LiteRT's profiler, whole µs of each operator rounded down, mean of the middle half of the inferences"

Handle = ctypes.c_void_p
Release = ctypes.CFUNCTYPE(None, Handle)


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_size_t), ("used", ctypes.c_size_t), ("private", ctypes.c_size_t))


class _Event(ctypes.Structure):
    _fields_ = (
        ("tag", ctypes.c_char_p),
        ("kind", ctypes.c_int),
        ("start_us", ctypes.c_uint64),
        ("elapsed_us", ctypes.c_uint64),
        ("memory_before", _Memory),
        ("memory_after", _Memory),
        ("operator", ctypes.c_uint64),
        ("graph", ctypes.c_uint64),
        ("source", ctypes.c_int),
    )


def profile(path: str, values: Sequence[np.ndarray], threads: int, inferences: int, whole_ns: float) -> OperatorTimes:
    """Time the operators of a `.tflite` file.

    Args:
        path: The file.
        values: One for each input; they are told apart by their sizes, as times do not depend on them.
        threads: Threads of the kernels.
        inferences: How many to time.
        whole_ns: Median time of an inference without this.

    Raises:
        ModelError: The library is of another release, or refuses the file.
    """
    model = _Profiled(_library(), path, threads)
    model.fill(values)
    for _ in range(3):
        model.run()
    watched, passes = [], []
    for _ in range(inferences):
        model.start()
        started = time.perf_counter_ns()
        model.run()
        watched.append(time.perf_counter_ns() - started)
        passes.append(model.stop())
    rows = _rows(passes)
    if not rows:
        raise ModelError("LiteRT's profiler told of no operator.")
    return OperatorTimes(METHOD, rows, (), inferences, whole_ns, quantile(watched, 0.5))


def _library() -> ctypes.CDLL:
    try:
        found = version("ai-edge-litert")
    except PackageNotFoundError as error:
        raise ModelError("ai-edge-litert is not installed, which alone has a profiler.") from error
    if found not in TRIED:
        raise ModelError(f"LiteRT's profiler was tried with {', '.join(TRIED)} only, and {found} is installed.")
    spec = importlib.util.find_spec(PACKAGE)
    folders = [] if spec is None else list(spec.submodule_search_locations or ())
    try:
        return ctypes.CDLL(str(Path(folders[0]) / LIBRARY))
    except (OSError, IndexError) as error:
        raise ModelError(f"LiteRT's C library cannot be loaded: {error}.") from error


class _Profiled:
    """A model loaded for profiling; all of it is released when its process ends."""

    def __init__(self, library: ctypes.CDLL, path: str, threads: int) -> None:
        self._library = library
        self._kept: list[object] = []  # what the library goes on reading
        self._environment, self._model, self._compiled = Handle(), Handle(), Handle()
        self._call("LiteRtCreateEnvironment", 0, None, ctypes.byref(self._environment))
        self._call("LiteRtCreateModelFromFile", self._environment, path.encode(), ctypes.byref(self._model))
        options = Handle()
        self._call("LiteRtCreateOptions", ctypes.byref(options))
        self._call("LiteRtSetOptionsHardwareAccelerators", options, CPU)
        self._add(options, b"runtime_options_string", b"enable_profiling = true\n")
        self._add(options, b"xnnpack", b"num_threads = %d\n" % threads)
        self._call("LiteRtCreateCompiledModel", self._environment, self._model, options, ctypes.byref(self._compiled))
        self._profiler = Handle()
        self._call("LiteRtCompiledModelGetProfiler", self._compiled, ctypes.byref(self._profiler))
        if not self._profiler:
            raise ModelError("LiteRT made no profiler.")
        self._signature = Handle()
        self._call("LiteRtGetModelSignature", self._model, ctypes.c_size_t(0), ctypes.byref(self._signature))
        self._inputs, self._outputs = self._buffers("Input"), self._buffers("Output")

    def fill(self, values: Sequence[np.ndarray]) -> None:
        """Write each value into the first free input of its size, and zeros where none fits."""
        left = [np.ascontiguousarray(value) for value in values]
        for buffer in self._inputs:
            size, place = ctypes.c_size_t(), Handle()
            self._call("LiteRtGetTensorBufferSize", Handle(buffer), ctypes.byref(size))
            value = next((value for value in left if value.nbytes == size.value), None)
            self._call("LiteRtLockTensorBuffer", Handle(buffer), ctypes.byref(place), WRITE)
            if value is None:
                ctypes.memset(place, 0, size.value)
            else:
                ctypes.memmove(place, value.ctypes.data, size.value)
                left = [other for other in left if other is not value]
            self._call("LiteRtUnlockTensorBuffer", Handle(buffer))

    def run(self) -> None:
        """One inference."""
        inputs, outputs = self._inputs, self._outputs
        count = ctypes.c_size_t
        self._call(
            "LiteRtRunCompiledModel", self._compiled, count(0), count(len(inputs)), inputs, count(len(outputs)), outputs
        )

    def start(self) -> None:
        """Begin to profile anew."""
        self._call("LiteRtResetProfiler", self._profiler)
        self._call("LiteRtStartProfiler", self._profiler)

    def stop(self) -> list[tuple[str, int, int]]:
        """End profiling; kind, place among those of its sort, and microseconds of each operator in order."""
        self._call("LiteRtStopProfiler", self._profiler)
        count = ctypes.c_int()
        self._call("LiteRtGetNumProfilerEvents", self._profiler, ctypes.byref(count))
        events = (_Event * count.value)()
        self._call("LiteRtGetProfilerEvents", self._profiler, count.value, events)
        return [
            ((event.tag or b"").decode("utf-8", "replace"), event.operator, event.elapsed_us)
            for event in events
            if event.kind in (PLAIN, DELEGATED)
        ]

    def _add(self, options: Handle, name: bytes, text: bytes) -> None:
        payload, release, opaque = ctypes.create_string_buffer(text), Release(lambda _: None), Handle()
        self._kept += [payload, release]
        self._call("LiteRtCreateOpaqueOptions", name, payload, release, ctypes.byref(opaque))
        self._call("LiteRtAddOpaqueOptions", options, opaque)

    def _buffers(self, side: str) -> ctypes.Array[ctypes.c_void_p]:
        count = ctypes.c_size_t()
        self._call(f"LiteRtGetNumSignature{side}s", self._signature, ctypes.byref(count))
        made = []
        for index in range(count.value):
            tensor, needs, buffer = Handle(), Handle(), Handle()
            kind = ctypes.create_string_buffer(RANKED_TYPE_BYTES)
            place = ctypes.c_size_t(index)
            self._call(f"LiteRtGetSignature{side}TensorByIndex", self._signature, place, ctypes.byref(tensor))
            self._call("LiteRtGetRankedTensorType", tensor, kind)
            self._call(
                f"LiteRtGetCompiledModel{side}BufferRequirements",
                self._compiled,
                ctypes.c_size_t(0),
                place,
                ctypes.byref(needs),
            )
            self._call(
                "LiteRtCreateManagedTensorBufferFromRequirements", self._environment, kind, needs, ctypes.byref(buffer)
            )
            made.append(buffer.value)
        return (Handle * len(made))(*made)

    def _call(self, name: str, *arguments: object) -> None:
        try:
            status = getattr(self._library, name)(*arguments)
        except AttributeError as error:
            raise ModelError(f"LiteRT's C library has no {name}.") from error
        if status:
            raise ModelError(f"LiteRT's profiler cannot be used: {name} gave status {status}.")


def _rows(passes: Sequence[Sequence[tuple[str, int, int]]]) -> tuple[OperatorTime, ...]:
    """Each place's time over all inferences of the commonest number of operators: control flow may vary it."""
    length = Counter(map(len, passes)).most_common(1)[0][0]
    alike = [each for each in passes if len(each) == length]
    return tuple(
        OperatorTime(place, alike[0][place][0], "", 1000.0 * middle_mean([each[place][2] for each in alike]))
        for place in range(length)
    )
