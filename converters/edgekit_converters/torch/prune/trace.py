"""Follow the channels of a module through one run, operator by operator."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from edgekit_converters.compress.atoms import FIXED, Atoms

Axis = np.ndarray | None  # the atom of every place along it; `None` where none of them can leave
Axes = tuple[Axis, ...]
# Bookkeeping and copies, which PyTorch makes or not as the layout of values wants it.
SILENT = ("detach", "alias", "lift_fresh", "clone")
VIEWS = ("view", "_unsafe_view", "_reshape_alias")  # likewise one or the other
RECURRENT = "it is recurrent, and the units of such layers stay"
MEETS_FIXED = "its channels meet others that stay"


@dataclass(frozen=True)
class Slot:
    """An axis of a parameter or buffer.

    Attributes:
        tensor: Its name.
        dim: The axis.
    """

    tensor: str
    dim: int


@dataclass(frozen=True)
class Made:
    """Channels where they begin.

    Attributes:
        layer: What makes them.
        atoms: `(channels,)`.
    """

    layer: str
    atoms: np.ndarray


@dataclass(frozen=True)
class Cost:
    """Multiply-accumulates.

    Attributes:
        layer: What takes them.
        macs: For one sample.
        axes: The atoms along each axis that they are proportional to.
    """

    layer: str
    macs: int
    axes: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Count:
    """A whole number of a module that tells how many of some channels or heads there are.

    Attributes:
        module: Its path.
        attribute: What the number is called.
        atoms: What it counts.
    """

    module: str
    attribute: str
    atoms: np.ndarray


@dataclass(frozen=True)
class Step:
    """What an operator gave.

    Attributes:
        operator: Its name.
        layer: The part of the module that it belongs to.
        shapes: For each tensor its axes: atoms, or a size that stays.
    """

    operator: str
    layer: str
    shapes: tuple[tuple[np.ndarray | int, ...], ...]


@dataclass(frozen=True)
class Call:
    """An operator with what it took and gave."""

    name: str
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    result: Any

    def arg(self, place: int, name: str, default: Any = None) -> Any:
        """An argument, by place or by name."""
        return self.args[place] if place < len(self.args) else self.kwargs.get(name, default)


@dataclass
class _Mark:
    """What is noted on a tensor itself: a table of them would keep all of them alive.

    Attributes:
        trace: Whose note it is.
        axes: What lies along its axes.
        owner: The parameter that it is a view of.
        pins: What stays if it is used.
    """

    trace: Trace
    axes: Axes
    owner: str | None
    pins: list[tuple[np.ndarray, str]] = field(default_factory=list)


Rule = Callable[["Trace", Call], None]


class Trace(TorchDispatchMode):  # type: ignore[misc]  # torch ships no types that this project reads
    """Follows channels; what it has found stands in its attributes.

    Args:
        module: What will run.
        rules: What each operator does to channels.
        unknown: For all others.
        opaque: Kinds of modules that are not looked into: what goes in stays, and what comes out is fixed.
    """

    def __init__(self, module: Any, rules: Mapping[str, Rule], unknown: Rule, opaque: tuple[type, ...]) -> None:
        super().__init__()
        self.atoms = Atoms()
        self.slots: dict[Slot, np.ndarray] = {}
        self.made: list[Made] = []
        self.costs: list[Cost] = []
        self.counts: list[Count] = []
        self.steps: list[Step] = []
        self.left_alone: dict[str, str] = {}
        self._rules, self._unknown, self._kinds = rules, unknown, opaque
        self._module = module
        named = [*module.named_parameters(), *module.named_buffers()]
        self._owners = {id(tensor): name for name, tensor in named}
        self._own: dict[int, Axes] = {}
        self._parts: list[tuple[str, Any]] = []

    def __torch_dispatch__(self, func: Any, types: object, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        """Run one operator, and note what it does to channels."""
        result = func(*args, **(kwargs or {}))
        call = Call(func.overloadpacket.__name__, args, kwargs or {}, result)
        for tensor in tensors((args, kwargs)):
            self.used(tensor)
        if any(isinstance(part, self._kinds) for _, part in self._parts):
            self.stop(call, f"it feeds {self.opaque_part}")
        else:
            rule = self._rules.get(call.name)
            if rule is None:
                rule = self._rules["pointwise"] if torch.Tag.pointwise in func.tags else self._unknown
            rule(self, call)
        if call.name not in SILENT:
            shapes = tuple(self._shape(tensor) for tensor in tensors(result))
            self.steps.append(Step(step_name(call.name), self.layer, shapes))
        return result

    @contextmanager
    def following(self) -> Iterator[None]:
        """While the block runs, operators are noted, each with the part of the module that it belongs to."""
        handles = []
        for name, part in self._module.named_modules():
            handles.append(part.register_forward_pre_hook(self._entering(name)))
            handles.append(part.register_forward_hook(self._leave))
        try:
            with torch.no_grad(), self:
                yield
        finally:
            for handle in handles:
                handle.remove()

    @property
    def layer(self) -> str:
        """The innermost part that runs, by its path."""
        return next((name for name, _ in reversed(self._parts) if name), "forward")

    @property
    def part(self) -> tuple[str, Any]:
        """The innermost part that runs, with its path."""
        return self._parts[-1] if self._parts else ("", self._module)

    @property
    def parts(self) -> tuple[tuple[str, Any], ...]:
        """All parts that run, the innermost first, with their paths."""
        return tuple(reversed(self._parts)) or (self.part,)

    @property
    def opaque_part(self) -> str:
        """The part that is not looked into."""
        return next(name or type(part).__name__ for name, part in self._parts if isinstance(part, self._kinds))

    def axes(self, tensor: Any) -> Axes:
        """The channels along each axis of a tensor; those of a parameter begin here."""
        mark = self._mark(tensor)
        if mark is not None:
            return mark.axes
        owner = self._owners.get(id(tensor))
        if owner is None:
            return tuple(None for _ in tensor.shape)
        if id(tensor) not in self._own:
            axes: Axes = tuple(None if size == 1 else self.atoms.new(size) for size in tensor.shape)
            self.slots |= {Slot(owner, dim): axis for dim, axis in enumerate(axes) if axis is not None}
            self._own[id(tensor)] = axes
        return self._own[id(tensor)]

    def owner(self, tensor: Any) -> str | None:
        """The parameter or buffer that a tensor is, or is a view of."""
        mark = self._mark(tensor)
        return self._owners.get(id(tensor)) if mark is None else mark.owner

    def give(self, tensor: Any, axes: Sequence[Axis], owner: str | None = None) -> None:
        """Note what lies along the axes of a result."""
        if id(tensor) not in self._owners:
            tensor.edgekit_mark = _Mark(self, tuple(axes), owner)

    def _mark(self, tensor: Any) -> _Mark | None:
        mark = getattr(tensor, "edgekit_mark", None)
        return mark if mark is not None and mark.trace is self else None

    def join(self, one: Axis, other: Axis, reason: str = MEETS_FIXED) -> Axis:
        """Let the channels of two axes leave together, and give them."""
        if one is None or other is None:
            self.pin(one, reason)
            self.pin(other, reason)
            return None
        self.atoms.join(one, other, reason)
        return one

    def runs_along(self, vector: Any, axis: Axis) -> None:
        """Let a vector's places leave with the channels that it goes along."""
        owner = self._owners.get(id(vector))
        if axis is None or owner is None or id(vector) in self._own:
            self.join(axis, self.axes(vector)[0])
        else:  # no atoms of its own: most vectors are those of norms, and many
            self._own[id(vector)] = (axis,)
            self.slots[Slot(owner, 0)] = axis

    def pin(self, axis: Axis, reason: str) -> None:
        """Let the channels of an axis stay."""
        if axis is not None:
            self.atoms.pin(axis, reason)

    def pin_if_used(self, axis: Axis, reason: str, result: Any) -> None:
        """Let the channels of an axis stay if an operator, or the user, takes a result, such as attention's weights."""
        mark = self._mark(result)
        if axis is not None and mark is not None:
            mark.pins.append((axis, reason))

    def used(self, tensor: Any) -> None:
        """Note that a result is taken."""
        mark = self._mark(tensor)
        if mark is not None and mark.pins:
            for axis, reason in mark.pins:
                self.pin(axis, reason)
            mark.pins.clear()

    def stop(self, call: Call, reason: str) -> None:
        """Let all channels stay that an operator takes."""
        for tensor in tensors((call.args, call.kwargs)):
            for axis in self.axes(tensor):
                self.pin(axis, reason)

    def makes(self, layer: str, atoms: Axis) -> None:
        """Note that channels begin here."""
        if atoms is not None:
            self.made.append(Made(layer, atoms))

    def costs_macs(self, layer: str, macs: int, *axes: Axis) -> None:
        """Note multiply-accumulates, and what they are proportional to."""
        growing = tuple(axis for axis in axes if axis is not None and (axis != FIXED).any())
        self.costs.append(Cost(layer, macs, growing))

    def counted(self, module: str, attribute: str, atoms: np.ndarray) -> None:
        """Note a number that changes with the channels."""
        self.counts.append(Count(module, attribute, atoms))

    def _entering(self, name: str) -> Callable[..., None]:
        def enter(part: Any, inputs: Any) -> None:
            self._parts.append((name, part))
            if isinstance(part, self._kinds):
                self.left_alone[name] = RECURRENT
                for tensor in tensors(inputs):
                    for axis in self.axes(tensor):
                        self.pin(axis, f"it feeds {self.opaque_part}")
                self._note_recurrent(name, part, inputs)

        return enter

    def _leave(self, *_: object) -> None:
        self._parts.pop()

    def _note_recurrent(self, name: str, part: Any, inputs: Any) -> None:
        """MACs of a recurrent layer: each matrix of weights once for every time step."""
        first = next(tensors(inputs), None)
        steps = 1 if first is None else math.prod(first.shape[:-1])
        weights = sum(weight.numel() for weight in part.parameters() if weight.ndim > 1)
        self.costs_macs(name, steps * weights)

    def _shape(self, tensor: Any) -> tuple[np.ndarray | int, ...]:
        axes = self.axes(tensor)
        return tuple(size if axis is None else axis for axis, size in zip(axes, tensor.shape, strict=True))


def step_name(operator: str) -> str:
    """What an operator is called among steps: one name for those that take each other's place."""
    return VIEWS[0] if operator in VIEWS else operator


def tensors(values: Any) -> Iterator[Any]:
    """The tensors among an operator's arguments or results."""
    if isinstance(values, torch.Tensor):
        yield values
    elif isinstance(values, (tuple, list)):
        for value in values:
            yield from tensors(value)
    elif isinstance(values, dict):
        for value in values.values():
            yield from tensors(value)
