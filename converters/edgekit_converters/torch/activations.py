"""What each operator of a PyTorch model gives for a sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from edgekit_converters.parting import Activation


def operator_activations(module: torch.nn.Module, run: Callable[[], object]) -> tuple[Activation, ...]:
    """What each operator gives while a module runs, in order, named after the part of the module that calls it.

    Args:
        module: The module.
        run: Runs it once.
    """
    watch = _Watch()
    with torch.no_grad(), _parts_told(module, watch), watch:
        run()
    return tuple(watch.found)


class _Watch(TorchDispatchMode):  # type: ignore[misc]  # torch ships types that are not read here
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Activation] = []
        self._parts: list[str] = []
        self._names: dict[int, str] = {}
        self._kept: list[Any] = []  # a tensor that is gone would leave its id to another

    def __torch_dispatch__(  # torch's own name
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        given = func(*args, **(kwargs or {}))
        inputs = tuple(self._names[id(value)] for value in _tensors(args) if id(value) in self._names)
        for tensor in _tensors(given):
            part = next((part for part in reversed(self._parts) if part), "forward")
            name = f"{part}, operator {len(self.found)}"
            self._names[id(tensor)] = name
            self._kept.append(tensor)
            values = tensor.detach().to(torch.float64).numpy(force=True).copy()
            self.found.append(Activation(name, func.overloadpacket.__name__, inputs, values))
        return given

    def entering(self, name: str) -> Callable[..., None]:
        """A hook for a part of the module that begins to run."""

        def enter(*_: object) -> None:
            self._parts.append(name)

        return enter

    def leave(self, *_: object) -> None:
        """A hook for a part that has run."""
        self._parts.pop()


def _tensors(values: Any) -> Iterator[torch.Tensor]:
    if isinstance(values, torch.Tensor):
        yield values
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _tensors(value)


@contextmanager
def _parts_told(module: torch.nn.Module, watch: _Watch) -> Iterator[None]:
    """While the block runs, the watch knows which part of the module is running."""
    handles = []
    for name, part in module.named_modules():
        handles.append(part.register_forward_pre_hook(watch.entering(name)))
        handles.append(part.register_forward_hook(watch.leave))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
