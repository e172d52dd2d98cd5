"""Which parts of a module train."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edgekit_converters.torch.train.running import running_order
from edgekit_runtime.errors import RecipeError


@dataclass(frozen=True)
class Frozen:
    """What training leaves as it is.

    Attributes:
        parts: Parts that stay in evaluation mode, so that batch norms keep their statistics, too.
        before: Every parameter, each with whether it took gradients before.
    """

    parts: tuple[Any, ...]
    before: tuple[tuple[Any, bool], ...]

    def undo(self) -> None:
        """Let every parameter take gradients as before."""
        for parameter, taking in self.before:
            parameter.requires_grad_(taking)


def freeze(module: Any, share: float, run: Callable[[], object], source: str) -> Frozen:
    """Let a share of the parts with parameters, in the order in which they run, not train, and all others train.

    Args:
        module: The module.
        share: The share, below 1.
        run: Runs it once.
        source: Where the module came from, for errors.

    Raises:
        RecipeError: Nothing is left that could train.
    """
    before = tuple((parameter, parameter.requires_grad) for parameter in module.parameters())
    ordered = _ordered(module, run)
    parts = ordered[: int(share * len(ordered))]
    for parameter, _ in before:
        parameter.requires_grad_(parameter.is_floating_point())
    for part in parts:
        for parameter in part.parameters(recurse=False):
            parameter.requires_grad_(requires_grad=False)
    frozen = Frozen(parts, before)
    if not any(parameter.requires_grad for parameter, _ in before):
        frozen.undo()
        raise RecipeError(f"{source}: it has no weights that could be trained, in {len(ordered)} parts.")
    return frozen


def _ordered(module: Any, run: Callable[[], object]) -> tuple[Any, ...]:
    """Parts with parameters of their own; one that does not run itself comes with the part that uses it."""
    ran = [one.part for one in running_order(module, run)]
    found: dict[Any, None] = {}
    for part in ran:
        for inner in part.modules():
            if (inner is part or inner not in ran) and any(True for _ in inner.parameters(recurse=False)):
                found.setdefault(inner)
    return tuple(found)
