"""A module under flat, named inputs and outputs, whatever its own forward takes and returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import torch

from edgekit_converters.source import AxisOrder, signature_names
from edgekit_runtime.tensor import TensorSpec

SINGLE_OUTPUT = "output"
Arrange = Callable[[Sequence[Any]], tuple[tuple[Any, ...], dict[str, Any]]]


class NoTensorError(Exception):
    """A forward returns what is no tensor."""


@dataclass(frozen=True)
class Forward:
    """A module, and how its forward is called.

    Attributes:
        module: The module, in evaluation mode.
        inputs: Its tensors, in the order that `arrange` takes them.
        arrange: Turns them into positional and named arguments.
    """

    module: Any
    inputs: tuple[TensorSpec, ...]
    arrange: Arrange

    def run(self, values: Sequence[Any]) -> dict[str, Any]:
        """Outputs by name.

        Raises:
            NoTensorError: It returns something else than tensors.
        """
        args, named = self.arrange(values)
        return name_outputs(self.module(*args, **named))


class Border(torch.nn.Module):  # type: ignore[misc]  # torch ships no types that this project reads
    """A module whose inputs and outputs have the names of an exported file's signature.

    Args:
        forward: The module.
        outputs: What it gives.
        orders: Inputs and outputs whose axes lie in another order at the border.
        rewriting: Makes what is around each run of the module.
    """

    def __init__(
        self,
        forward: Forward,
        outputs: tuple[TensorSpec, ...],
        orders: tuple[AxisOrder, ...] = (),
        rewriting: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        super().__init__()
        self._rewriting = rewriting
        self.inner = forward.module
        self._run = forward.run
        self._inputs = dict(zip(signature_names(forward.inputs), forward.inputs, strict=True))
        self._outputs = dict(zip(signature_names(outputs), outputs, strict=True))
        self._orders = {axes.name: axes.order for axes in orders}
        self.training = False  # not by train(), which an exported program refuses

    def forward(self, **tensors: Any) -> dict[str, Any]:
        """Outputs by signature name, from inputs by signature name."""
        values = [self._inner_order(tensors[key], spec.name) for key, spec in self._inputs.items()]
        with self._rewriting():
            results = self._run(values)
        return {key: self._outer_order(results[spec.name], spec.name) for key, spec in self._outputs.items()}

    def samples(self) -> dict[str, Any]:
        """An example of each input, by signature name, with a batch of 1."""
        found = {}
        for key, spec in self._inputs.items():
            order = self._orders.get(spec.name)
            value = example(spec)
            found[key] = value if order is None else value.permute(order).contiguous()
        return found

    def _inner_order(self, value: Any, name: str) -> Any:
        order = self._orders.get(name)
        if order is None:
            return value
        # Contiguous, for the user's own .view() counts on it; no operator of the file comes of that.
        return value.permute(tuple(order.index(axis) for axis in range(len(order)))).contiguous()

    def _outer_order(self, value: Any, name: str) -> Any:
        order = self._orders.get(name)
        return value if order is None else value.permute(order)


def example(spec: TensorSpec) -> Any:
    """One sample with its batch axis: zeros for tokens, and no zeros for numbers, for which some operators fail."""
    shape = (1, *spec.sample_shape) if spec.batched else spec.shape
    dtype = getattr(torch, spec.dtype)
    if not dtype.is_floating_point:
        return torch.zeros(shape, dtype=dtype)
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


def name_outputs(result: object, prefix: str = "") -> dict[str, Any]:
    """Flatten what a forward returns: `output`, `output_0` and on, or the names that it has itself.

    Args:
        result: A tensor, or tuples, mappings, dataclasses of them; what is `None` is left out.
        prefix: Name of the part that it is.

    Raises:
        NoTensorError: It holds something else.
    """
    if isinstance(result, torch.Tensor):
        return {prefix or SINGLE_OUTPUT: result}
    if result is None:
        return {}
    found: dict[str, Any] = {}
    for name, part in _parts(result, prefix):
        found |= name_outputs(part, name)
    return found


def _parts(result: object, prefix: str) -> list[tuple[str, object]]:
    inner = f"{prefix}_" if prefix else ""
    if isinstance(result, Mapping):
        return [(f"{inner}{key}", part) for key, part in result.items()]
    if is_dataclass(result) and not isinstance(result, type):
        return [(f"{inner}{field.name}", getattr(result, field.name)) for field in fields(result)]
    if isinstance(result, tuple) and hasattr(result, "_fields"):
        return [(f"{inner}{name}", part) for name, part in zip(result._fields, result, strict=True)]
    if isinstance(result, (tuple, list)):
        return [(f"{prefix or SINGLE_OUTPUT}_{i}", part) for i, part in enumerate(result)]
    raise NoTensorError(
        f"its forward returns a {type(result).__name__}; allowed: tensors, tuples and mappings of them."
    )
