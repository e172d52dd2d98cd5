"""The channels of a Keras model: which leave together, where they lie, what they cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from edgekit_converters.compress.atoms import FIXED, OUTPUT, Solved
from edgekit_converters.compress.channels import ChannelGraph, Group, LayerMacs, LeftAlone, Part
from edgekit_converters.keras.prune.table import Call, follow
from edgekit_converters.keras.prune.trace import Plan, Trace, Value, fixed
from edgekit_converters.keras.prune.walk import walk
from edgekit_runtime.errors import RecipeError

ALL_TOGETHER = "its channels can only leave all together"


@dataclass(frozen=True)
class Slot:
    """An axis of a layer that channels may leave.

    Attributes:
        plan: What pruning knows of the layer.
        name: The layer's own name for it.
        groups: For each place the index of its group, -1 where it stays: `(K,)`.
        units: For each place the index of its unit within the group: `(K,)`.
    """

    plan: Plan
    name: str
    groups: np.ndarray
    units: np.ndarray

    def staying(self, kept: Sequence[np.ndarray]) -> np.ndarray:
        """Indexes of the places that stay.

        Args:
            kept: For each group whether each of its units stays: `(units,)`.
        """
        stays = self.groups < 0
        for group in np.unique(self.groups[~stays]):
            places = self.groups == group
            stays[places] = kept[group][self.units[places]]
        return np.flatnonzero(stays)

    def sums(self, values: np.ndarray, group: int, units: int) -> np.ndarray:
        """Values of the places of a group, added up for each unit: `(units,)`.

        Args:
            values: One for each place: `(K,)`.
            group: Index of the group.
            units: How many units it has.
        """
        places = self.groups == group
        return np.bincount(self.units[places], values[places], minlength=units)


@dataclass(frozen=True)
class Network:
    """A model as pruning sees it.

    Attributes:
        graph: What it tells others.
        slots: By the identity of a layer, and the layer's own name for the slot.
        plans: By the identity of a layer.
    """

    graph: ChannelGraph
    slots: dict[tuple[int, str], Slot]
    plans: dict[int, Plan]


def read_network(model: Any) -> Network:
    """Follow the channels through a model.

    Args:
        model: A model of Keras 3, Sequential or functional.

    Raises:
        RecipeError: It is written as a class, or the shape of something in it is not known.
    """
    trace = _traced(model)
    solved = trace.atoms.solve()
    roots = solved.roots
    plans = list(trace.plans.values())
    places = [(plan, name, roots[atoms]) for plan in plans for name, atoms in plan.slots.items()]
    groups, group_of, unit_of = _grouped(places, len(roots))
    slots = {
        (id(plan.layer), name): Slot(plan, name, group_of[labels], unit_of[labels]) for plan, name, labels in places
    }
    costs = tuple(
        LayerMacs(cost.name, cost.macs, tuple(_parts(group_of[roots[axis]]) for axis in cost.axes))
        for cost in trace.costs
    )
    return Network(ChannelGraph(groups, costs, _left_alone(trace, solved, group_of)), slots, trace.plans)


def _traced(model: Any) -> Trace:
    trace = Trace()
    known: dict[int, Value] = {}
    alive: list[Any] = []  # a tensor is known by its identity

    def remember(tensors: Sequence[Any], values: Iterable[Value]) -> None:
        alive.extend(tensors)
        known.update((id(tensor), value) for tensor, value in zip(tensors, values, strict=True))

    def visit(layer: Any, *args: Any, **kwargs: Any) -> Any:
        given = layer.compute_output_spec(*args, **kwargs)
        flat = keras.tree.flatten(given)
        taken, named = keras.tree.map_structure(lambda item: known.get(id(item), item), (args, kwargs))
        remember(flat, follow(trace, Call(layer, taken, named, [_shape(tensor, layer.name) for tensor in flat])))
        return given

    def begin(tensor: Any) -> Any:
        fresh = keras.KerasTensor(tensor.shape, tensor.dtype)
        remember([fresh], [fixed(_shape(tensor, tensor.name))])
        return fresh

    given = walk(model, keras.tree.map_structure(begin, border(model)), visit)
    for tensor in keras.tree.flatten(given):
        for axis in known[id(tensor)].axes:
            trace.atoms.pin(axis, OUTPUT)
    return trace


def border(model: Any) -> Any:
    """Its inputs, nested as it takes them."""
    return model.inputs[0] if isinstance(model, keras.Sequential) else model.input


def _shape(tensor: Any, name: str) -> tuple[int, ...]:
    sizes = tuple(tensor.shape)[1:]
    if None in sizes:
        raise RecipeError(
            f"what {name} gives has the shape {tuple(tensor.shape)}; pruning needs to know all of it but the batch.",
            hint="Build the model with fixed shapes.",
        )
    return tuple(int(size) for size in sizes)


Place = tuple[Plan, str, np.ndarray]  # a layer, its slot, and the label of each place of it


def _grouped(places: Sequence[Place], count: int) -> tuple[tuple[Group, ...], np.ndarray, np.ndarray]:
    """Groups, and for each label its group and its unit: labels that lie in the same slots make a group."""
    signatures: dict[int, list[tuple[int, int]]] = {}
    for number, (_, _, labels) in enumerate(places):
        found, first, times = np.unique(labels, return_index=True, return_counts=True)
        for order in np.argsort(first):
            signatures.setdefault(int(found[order]), []).append((number, int(times[order])))
    signatures.pop(FIXED, None)
    members: dict[tuple[tuple[int, int], ...], list[int]] = {}
    for label, signature in signatures.items():
        members.setdefault(tuple(signature), []).append(label)
    members = {signature: together for signature, together in members.items() if len(together) > 1}
    group_of, unit_of = np.full(count, -1), np.full(count, -1)
    for index, together in enumerate(members.values()):
        group_of[together] = index
        unit_of[together] = np.arange(len(together))
    sizes = [(signature, len(together)) for signature, together in members.items()]
    return _named(sizes, places), group_of, unit_of


def _named(members: Sequence[tuple[tuple[tuple[int, int], ...], int]], places: Sequence[Place]) -> tuple[Group, ...]:
    """Groups by the layers that make them; where a layer makes several, the later ones get a number."""
    groups: list[Group] = []
    taken: dict[str, int] = {}
    for signature, units in members:
        made = [(places[number], times) for number, times in signature if places[number][1] in places[number][0].makes]
        plan, slot, _ = made[0][0]
        layers = tuple(dict.fromkeys(place[0].layer.name for place, _ in made))
        taken[layers[0]] = taken.get(layers[0], 0) + 1
        name = layers[0] if taken[layers[0]] == 1 else f"{layers[0]}#{taken[layers[0]]}"
        groups.append(Group(name, units, made[0][1] * plan.makes[slot], layers))
    return tuple(groups)


def _parts(groups: np.ndarray) -> tuple[Part, ...]:
    found, times = np.unique(groups, return_counts=True)
    return tuple(Part(None if group < 0 else int(group), int(count)) for group, count in zip(found, times, strict=True))


def _left_alone(trace: Trace, solved: Solved, group_of: np.ndarray) -> tuple[LeftAlone, ...]:
    """Every layer that makes channels which stay, with the reason, but for those of the outputs."""
    found = dict(trace.left_alone)
    for plan in trace.plans.values():
        for slot in plan.makes:
            atoms = plan.slots[slot]
            left = atoms[group_of[solved.roots[atoms]] < 0]
            pinned = left[solved.roots[left] == FIXED]
            reason = solved.reason(pinned) if pinned.size else ALL_TOGETHER
            if left.size and reason != OUTPUT and len(atoms) > 1:
                part = "" if left.size == atoms.size else f"{left.size} of its {atoms.size} channels stay: "
                found.setdefault(plan.layer.name, LeftAlone(plan.layer.name, part + reason))
    return tuple(found.values())
