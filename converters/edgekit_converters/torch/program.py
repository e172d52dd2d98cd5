"""A .pt2 exported program as a source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils._pytree import tree_unflatten

from edgekit_converters.settings import SourceSettings
from edgekit_converters.torch.border import Arrange, Forward
from edgekit_converters.torch.inputs import told
from edgekit_converters.torch.safe import check_program
from edgekit_runtime.errors import ModelError, RecipeError, first_line
from edgekit_runtime.tensor import TensorSpec

DROPOUTS = {"aten.dropout.default": 2, "aten.batch_norm.default": 5}  # the argument that says whether it trains
EXPORT_AGAIN = "Export it again: torch.export.save(torch.export.export(model.eval(), inputs), 'model.pt2')."


@dataclass(frozen=True)
class Slot:
    """An input of a program.

    Attributes:
        name: Its name.
        sizes: Its axes; a free one is `None`.
        free: For each free axis, how short and how long it may be; `None` for any length.
        dtype: Its type.
    """

    name: str
    sizes: tuple[int | None, ...]
    free: Mapping[int, tuple[int, int | None]]
    dtype: str


def load_program(settings: SourceSettings) -> Forward:
    """Load a program, and give its free axes a size.

    Args:
        settings: The file, and shapes for free axes.

    Raises:
        ModelError: It is damaged, could run code, or was exported for training or for several samples.
        RecipeError: A free axis has no size, or a shape does not fit.
    """
    path = Path(settings.path)
    if not settings.trust:
        check_program(path)
    try:
        program = torch.export.load(str(path))
        module = program.module(check_guards=False)  # they are about sizes that are checked here
    except Exception as error:  # torch raises many kinds for a file that is not of its version
        raise ModelError(f"{path}: PyTorch cannot load it: {first_line(error)}", hint=EXPORT_AGAIN) from error
    _check_inference(path, program)
    slots, arrange = _slots(path, program)
    specs = _resolve(settings, slots)
    return Forward(module, specs, arrange)


def _check_inference(path: Path, program: Any) -> None:
    for node in program.graph.nodes:
        place = DROPOUTS.get(str(node.target))
        if place is not None and len(node.args) > place and node.args[place] is True:
            raise ModelError(
                f"{path}: it was exported for training ({str(node.target).split('.')[1]} is active); "
                "allowed: a program for inference.",
                hint=EXPORT_AGAIN,
            )


def _slots(path: Path, program: Any) -> tuple[tuple[Slot, ...], Arrange]:
    """The tensors among a program's inputs, and how to put them with its constants into its arguments."""
    ranges = program.range_constraints
    found = {node.name: node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder"}
    given = [spec.arg for spec in program.graph_signature.input_specs if spec.kind.name == "USER_INPUT"]
    slots: list[Slot] = []
    constants: list[tuple[Any] | None] = []
    for one in given:
        value = found.get(one.name)
        if isinstance(value, torch.Tensor):
            slots.append(_slot(one.name, value, ranges))
            constants.append(None)
        elif hasattr(one, "value"):
            constants.append((one.value,))
        else:
            raise ModelError(f"{path}: its input {one.name} is no tensor; allowed: tensors.", hint=EXPORT_AGAIN)
    structure = program.call_spec.in_spec

    def arrange(values: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        waiting = iter(values)
        flat = [next(waiting) if constant is None else constant[0] for constant in constants]
        args, named = tree_unflatten(flat, structure)
        return tuple(args), dict(named)

    return tuple(slots), arrange


def _slot(name: str, value: Any, ranges: Mapping[Any, Any]) -> Slot:
    sizes = tuple(size if isinstance(size, int) else None for size in value.shape)
    free = {axis: _limits(size, ranges) for axis, size in enumerate(value.shape) if sizes[axis] is None}
    return Slot(name, sizes, free, str(value.dtype).removeprefix("torch."))


def _limits(size: Any, ranges: Mapping[Any, Any]) -> tuple[int, int | None]:
    found = ranges.get(size.node.expr)
    if found is None:
        return 0, None
    return int(found.lower), int(found.upper) if str(found.upper).isdigit() else None


def _resolve(settings: SourceSettings, slots: tuple[Slot, ...]) -> tuple[TensorSpec, ...]:
    names = [slot.name for slot in slots]
    shapes = {}
    for one in settings.shapes:
        name = one.name or (names[0] if len(names) == 1 else "")
        if name not in names:
            raise RecipeError(f"{told(one)}: the program has no such input; allowed: {', '.join(names)}.")
        shapes[name] = one
    for asked in settings.dtypes:
        slot = next((slot for slot in slots if asked.name in ("", slot.name)), None)
        if slot is None or slot.dtype != asked.dtype:
            listed = ", ".join(f"{one.name} {one.dtype}" for one in slots)
            raise RecipeError(f"--dtype {asked.name}={asked.dtype}: a program's types are fixed: {listed}.")
    specs = tuple(_spec(settings, slot, shapes.get(slot.name)) for slot in slots)
    if specs and not any(spec.batched for spec in specs):
        raise ModelError(
            f"{settings.path}: it takes {specs[0].shape[0]} samples at a time; allowed: one.",
            hint="Export it with inputs of batch 1, or with dynamic_shapes that leave the batch axis free.",
        )
    return specs


def _spec(settings: SourceSettings, slot: Slot, asked: Any) -> TensorSpec:
    sizes = slot.sizes if asked is None else asked.shape
    if asked is not None and not _fits(slot, asked.shape):
        raise RecipeError(f"{told(asked)}: in the program {slot.name} is {_told_sizes(slot)}{_told_axes(slot)}.")
    open_axes = [axis for axis, size in enumerate(sizes) if size is None and axis > 0]
    if open_axes:
        example = ",".join("1" if axis == 0 else str(size or "SIZE") for axis, size in enumerate(slot.sizes))
        raise RecipeError(
            f"{settings.path}: input {slot.name} is {_told_sizes(slot)}{_told_axes(slot)}; a file for a device has "
            "fixed sizes.",
            hint=f"Add --shape {slot.name}={example}.",
        )
    fixed = tuple(-1 if size is None else size for size in sizes)
    return TensorSpec(slot.name, (-1, *fixed[1:]) if fixed[:1] == (1,) else fixed, slot.dtype)


def _fits(slot: Slot, shape: tuple[int, ...]) -> bool:
    if len(shape) != len(slot.sizes):
        return False
    for axis, (mine, size) in enumerate(zip(slot.sizes, shape, strict=True)):
        low, high = slot.free.get(axis, (mine, mine))
        # A batch axis that torch calls free from 2 on takes 1, too: it tells sizes of 0 and 1 apart when it traces.
        if axis > 0 and ((low is not None and size < low) or (high is not None and size > high)):
            return False
        if mine not in (None, size):
            return False
    return True


def _told_axes(slot: Slot) -> str:
    """` (axis 1 is free, 2 to 12)`."""
    limits = [f"axis {axis} is free, {_told_limits(*slot.free[axis])}" for axis in slot.free if axis > 0]
    return f" ({'; '.join(limits)})" if limits else ""


def _told_limits(low: int, high: int | None) -> str:
    if high is not None:
        return f"{low} to {high}" if low else f"up to {high}"
    return f"at least {low}" if low > 1 else "of any length"


def _told_sizes(slot: Slot) -> str:
    return "x".join("?" if size is None else str(size) for size in slot.sizes) or "a single number"
