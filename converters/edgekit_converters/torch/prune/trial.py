"""Try what a module makes of fewer channels: its forward may count on the widths that it was written with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from edgekit_converters.torch.border import Forward, example
from edgekit_converters.torch.prune.attention import followed
from edgekit_converters.torch.prune.cut import Snapshot, cut_sizes
from edgekit_converters.torch.prune.graph import Channels
from edgekit_converters.torch.prune.trace import SILENT, Step, step_name, tensors
from edgekit_converters.torch.refusal import user_line

COUNTED_ON = "the forward counts on all of its channels"


class _Shapes(TorchDispatchMode):  # type: ignore[misc]  # torch ships no types that this project reads
    """Notes what every operator gives."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[tuple[int, ...], ...]]] = []

    def __torch_dispatch__(self, func: Any, types: object, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name not in SILENT:
            self.found.append((step_name(name), tuple(tuple(one.shape) for one in tensors(result))))
        return result


def fault(forward: Forward, channels: Channels, leaving: np.ndarray, run: Callable[[], object]) -> str | None:
    """Tell why a module that has lost channels does not do what it should.

    Args:
        forward: The module, without them.
        channels: Those that it had.
        leaving: For each atom whether it left: `(atoms,)`.
        run: Runs it; what comes before the module itself is of no account.

    Returns:
        `None` where every operator gives what the channels that stay make it give.
    """
    shapes = _Shapes()
    try:
        with followed(forward.module), torch.no_grad(), shapes:
            run()
    except Exception as error:  # noqa: BLE001  # a forward may raise anything, and the user is told
        return f"{COUNTED_ON}{user_line(error)}"
    return _difference(channels.trace.steps, shapes.found, leaving)


def _difference(
    expected: Sequence[Step], found: Sequence[tuple[str, tuple[tuple[int, ...], ...]]], leaving: np.ndarray
) -> str | None:
    kept, counts = ~leaving, dict[int, int]()

    def left(axis: np.ndarray | int) -> int:
        if isinstance(axis, int):
            return axis
        if id(axis) not in counts:  # the same one runs through many operators
            counts[id(axis)] = int(np.count_nonzero(kept[axis]))
        return counts[id(axis)]

    for step, (operator, shapes) in zip(expected, found[-len(expected) :], strict=False):
        wanted = tuple(tuple(left(axis) for axis in shape) for shape in step.shapes)
        if (operator, shapes) != (step.operator, wanted):
            return f"{COUNTED_ON} ({step.operator} in {step.layer})"
    return None if len(expected) <= len(found) else f"{COUNTED_ON}, and runs otherwise without some"


def failing(forward: Forward, channels: Channels, groups: Sequence[int]) -> dict[int, str]:
    """Groups that cannot lose a unit, each with the reason.

    Args:
        forward: The module, which stays as it is.
        channels: Its channels.
        groups: Which to try, together and then in ever smaller parts.
    """
    half = np.isin(channels.groups, groups) & (channels.units % 2 == 1)
    before = Snapshot(forward.module)
    values = [example(spec) for spec in forward.inputs]
    try:
        cut_sizes(forward.module, channels, half)
        reason = fault(forward, channels, half, lambda: forward.run(values))
    finally:
        before.restore()
    if reason is None:
        return {}
    if len(groups) == 1:
        return {groups[0]: reason}
    middle = len(groups) // 2
    found = failing(forward, channels, groups[:middle]) | failing(forward, channels, groups[middle:])
    return found or dict.fromkeys(groups, reason)  # they fail only together
