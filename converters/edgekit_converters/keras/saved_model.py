"""A SavedModel folder as a program: a graph with a signature, whichever library wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from edgekit_converters.keras.finite import check_weights
from edgekit_converters.parting import Activation
from edgekit_runtime.errors import ModelError, first_line
from edgekit_runtime.manifest import Library
from edgekit_runtime.tensor import TensorSpec

DEFAULT_SIGNATURE = "serving_default"
# Operators that reach beyond the graph: a model that only computes has none of them.
REACHES_OUT = {"ReadFile", "WriteFile", "MatchingFiles", "PyFunc", "PyFuncStateless", "EagerPyFunc"}


class SavedModelProgram:
    """The signature of a loaded SavedModel.

    Args:
        path: The folder.

    Raises:
        ModelError: TensorFlow cannot load it, or it has no signature to take.
    """

    def __init__(self, path: Path) -> None:
        try:
            self.holder = tf.saved_model.load(str(path))
            self._signature = _choose(path, dict(self.holder.signatures))
        except (ModelError, MemoryError):
            raise
        except Exception as error:  # TensorFlow raises many kinds; the user gets one line
            raise ModelError(
                f"{path}: TensorFlow {tf.__version__} cannot load it: {first_line(error)}",
                hint="See the whole log with -v.",
            ) from error
        signature = self._signature.structured_input_signature[1]
        self._keys = sorted(signature)  # a SavedModel tells no order, and gives them in another one each time
        specs = [signature[key] for key in self._keys]
        self.batch = _batch(path, specs)
        self.inputs = tuple(_spec(name, spec) for name, spec in zip(self._keys, specs, strict=True))
        check_weights(path, self._signature.variables)
        self.outputs = self._trace()
        self.parameters = sum(int(np.prod(variable.shape)) for variable in self._signature.variables)
        self.libraries = (Library("tensorflow", tf.__version__),)

    def run(self, values: Sequence[Any]) -> list[Any]:
        """One tensor for each output, from one for each input."""
        answers = self._signature(**dict(zip(self._keys, values, strict=True)))
        return [answers[name] for name in sorted(answers)]

    def run_for_export(self, values: Sequence[Any]) -> list[Any]:
        """The same: nothing in a finished graph is to be changed."""
        return self.run(values)

    def activations(self, values: Sequence[Any]) -> tuple[Activation, ...]:  # noqa: ARG002  # the face of Program
        """Nothing: a finished graph has no layers."""
        return ()

    def _trace(self) -> tuple[TensorSpec, ...]:
        """The outputs, with the shapes that they have for one sample: a free batch often hides them."""
        graph = tf.function(lambda *values: self.run(values), autograph=False).get_concrete_function(
            *(tf.TensorSpec((self.batch or 1, *spec.sample_shape), spec.dtype) for spec in self.inputs)
        )
        names = sorted(self._signature.structured_outputs)
        return tuple(_spec(name, tensor) for name, tensor in zip(names, graph.structured_outputs, strict=True))


def check_graph(path: Path) -> None:
    """Refuse a SavedModel that does more than compute.

    Args:
        path: The folder.

    Raises:
        ModelError: It is damaged, or an operator reads or writes files or calls Python.
    """
    content = saved_model_pb2.SavedModel()
    try:
        content.ParseFromString((path / "saved_model.pb").read_bytes())
    except Exception as error:  # protobuf raises kinds of its own
        raise ModelError(f"{path}: saved_model.pb is damaged or cut short.", hint="Save or copy it again.") from error
    for name, operator in _operators(content):
        if operator in REACHES_OUT:
            raise ModelError(
                f"{path}: its graph has the operator {operator} ({name}), which reaches beyond the model; allowed: "
                "operators that compute.",
                hint="If you trust its author, add --trust.",
            )


def _operators(content: Any) -> Iterator[tuple[str, str]]:
    """Name and kind of every operator, those of functions included."""
    for meta_graph in content.meta_graphs:
        graph = meta_graph.graph_def
        for nodes in (graph.node, *(function.node_def for function in graph.library.function)):
            yield from ((node.name, node.op) for node in nodes)


def _choose(path: Path, signatures: dict[str, Any]) -> Any:
    """The signature to take: the default one, or the only one."""
    if DEFAULT_SIGNATURE in signatures:
        return signatures[DEFAULT_SIGNATURE]
    if len(signatures) == 1:
        return next(iter(signatures.values()))
    raise ModelError(
        f"{path}: its signatures are: {', '.join(signatures) or 'none'}; allowed: one, or one of them named "
        f"{DEFAULT_SIGNATURE}.",
        hint="Save it with model.export(), or with tf.saved_model.save(model, folder, signatures=...).",
    )


def _batch(path: Path, specs: Sequence[Any]) -> int | None:
    for spec in specs:
        if spec.shape.rank is None or spec.shape.rank == 0:
            raise ModelError(
                f"{path}: input {spec.name} has the shape {spec.shape}; allowed: a batch axis, then fixed ones.",
                hint="Export it with the shapes of its inputs.",
            )
    sizes = {spec.shape[0] for spec in specs} - {None}
    return int(next(iter(sizes))) if sizes else None


def _spec(name: str, tensor: Any) -> TensorSpec:
    if tensor.shape.rank is None:
        return TensorSpec(name, (-1, -1), tensor.dtype.name)
    sizes = tensor.shape.as_list()[1:]
    return TensorSpec(name, (-1, *(-1 if size is None else size for size in sizes)), tensor.dtype.name)
