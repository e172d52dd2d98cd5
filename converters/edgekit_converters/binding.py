"""Which tensor of an exported file stands for which input or output of its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgekit_converters.source import SourceInfo, signature_names
from edgekit_runtime.errors import ConversionError
from edgekit_runtime.interpreter import Interpreter, detect_format, open_interpreter
from edgekit_runtime.manifest import Binding
from edgekit_runtime.tensor import TensorSpec


@dataclass(frozen=True)
class Border:
    """Inputs and outputs of an exported file under their source's names.

    Attributes:
        inputs: In the source's order.
        outputs: In the source's order.
        file_order: For each input in the file's order, its index among `inputs`.
    """

    inputs: tuple[Binding, ...]
    outputs: tuple[Binding, ...]
    file_order: tuple[int, ...]


def open_exported(model: Path, info: SourceInfo) -> tuple[Interpreter, Border]:
    """Load an exported file, and match its tensors with its source's inputs and outputs.

    Args:
        model: The file.
        info: The source that it was exported from.

    Raises:
        ModelError: The interpreter refuses it.
        ConversionError: An input or output was lost.
    """
    interpreter = open_interpreter(model, detect_format(model))
    return interpreter, bind(info, (interpreter.inputs, interpreter.outputs), interpreter.signature())


def bind(
    info: SourceInfo,
    stored: tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]],
    signature: tuple[Mapping[str, str], Mapping[str, str]],
) -> Border:
    """Match a source's inputs and outputs with an exported file's tensors, by its signature.

    Args:
        info: The source.
        stored: Inputs and outputs of the file.
        signature: From signature name to tensor, for inputs and for outputs.

    Raises:
        ConversionError: The file has lost one of them, or has inputs of its own.
    """
    orders = {axes.name: axes.order for axes in info.orders}
    inputs = _match(info.inputs, stored[0], signature[0], orders)
    outputs = _match(info.outputs, stored[1], signature[1], orders)
    places = [binding.stored.name for binding in inputs]
    unknown = [spec.name for spec in stored[0] if spec.name not in places]
    if unknown:
        raise ConversionError(f"the exported file has inputs that its source lacks: {', '.join(unknown)}.")
    return Border(inputs, outputs, tuple(places.index(spec.name) for spec in stored[0]))


def _match(
    sources: tuple[TensorSpec, ...],
    stored: tuple[TensorSpec, ...],
    signature: Mapping[str, str],
    orders: Mapping[str, tuple[int, ...]],
) -> tuple[Binding, ...]:
    tensors = {spec.name: spec for spec in stored}
    bindings = []
    for spec, name in zip(sources, signature_names(sources), strict=True):
        tensor = tensors.get(signature.get(name, signature.get(spec.name, "")))
        if tensor is None:
            raise ConversionError(
                f"the exported file has no tensor for {spec.name}; its signature has: {', '.join(signature)}."
            )
        bindings.append(Binding(spec, tensor, orders.get(spec.name)))
    return tuple(bindings)
