"""The parts of a module in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Ran:
    """A part that ran.

    Attributes:
        name: Its name in the module.
        part: It.
        output: What it gave, where that is a tensor.
    """

    name: str
    part: Any
    output: Any

    @property
    def leaf(self) -> bool:
        """Whether it has no parts of its own."""
        return not any(True for _ in self.part.children())


def running_order(module: Any, run: Callable[[], object]) -> tuple[Ran, ...]:
    """Every part but the whole, once for each time that it runs, in the order in which they end.

    Args:
        module: The module.
        run: Runs it once.
    """
    found: list[Ran] = []

    def hook(name: str) -> Callable[..., None]:
        def note(part: Any, _: object, output: object) -> None:
            found.append(Ran(name, part, output if isinstance(output, torch.Tensor) else None))

        return note

    handles = [part.register_forward_hook(hook(name)) for name, part in module.named_modules() if name]
    try:
        with part_by_part():
            run()
    finally:
        for handle in handles:
            handle.remove()
    return tuple(found)


@contextmanager
def part_by_part() -> Iterator[None]:
    """While the block runs, transformer layers run their parts one by one, and not as one operator."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(value=False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
