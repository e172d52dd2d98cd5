"""The state of a module and of its optimizer as named tensors, so that nothing needs to be pickled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch


def tensors(module: Any) -> dict[str, Any]:
    """A module's parameters and buffers by name, each with memory of its own."""
    state = module.state_dict()
    return {name: _own(value) for name, value in state.items() if isinstance(value, torch.Tensor)}


def optimizer_state(optimizer: Any) -> dict[str, Any]:
    """What an optimizer remembers, as `<number of the parameter>.<what>`; nothing before its first step."""
    state = optimizer.state_dict()["state"]
    return {f"{number}.{what}": _own(value) for number, kept in state.items() for what, value in kept.items()}


def take_optimizer_state(optimizer: Any, state: Mapping[str, Any]) -> None:
    """Let an optimizer remember what `optimizer_state` gave."""
    kept: dict[int, dict[str, Any]] = {}
    for name, value in state.items():
        number, _, what = name.partition(".")
        kept.setdefault(int(number), {})[what] = value
    optimizer.load_state_dict(optimizer.state_dict() | {"state": kept})


@contextmanager
def deterministic() -> Iterator[None]:
    """While the block runs, operators that have a form with the same answer each time take it."""
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    filling = torch.utils.deterministic.fill_uninitialized_memory
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # nothing reads it, and it costs time
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        torch.utils.deterministic.fill_uninitialized_memory = filling


def _own(value: Any) -> Any:
    return value.detach().clone(memory_format=torch.contiguous_format)
