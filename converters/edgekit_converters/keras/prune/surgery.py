"""Rebuild a Keras model with fewer channels, or let some of them fall silent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from edgekit_converters.keras.prune.network import Network, border
from edgekit_converters.keras.prune.trace import Plan
from edgekit_converters.keras.prune.walk import walk


def rebuild(model: Any, network: Network, kept: Sequence[np.ndarray]) -> Any:
    """Make a model of the layers that are left of a model's.

    Layers keep their names; those of nested models come to stand in one model with the others.

    Args:
        model: A model of Keras 3.
        network: What `read_network` says of it.
        kept: For each group whether each of its units stays: `(units,)`.
    """
    renewed: dict[int, tuple[Any, Any]] = {}
    names: set[str] = set()

    def visit(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if id(layer) not in renewed:
            renewed[id(layer)] = (layer, _renewed(layer, network, kept, names))
        return renewed[id(layer)][1](*args, **kwargs)

    def begin(tensor: Any) -> Any:
        names.add(tensor.name)
        return keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name)

    inputs = keras.tree.map_structure(begin, border(model))
    outputs = walk(model, inputs, visit)
    for old, new in renewed.values():
        if getattr(old, "weights", ()):
            new.set_weights(_weights(old, network, kept))
    return _named(model, inputs, outputs)


def _named(model: Any, inputs: Any, outputs: Any) -> Any:
    """A model whose outputs are called as before: one of a nested model would bear the name of a layer inside it."""
    made = keras.Model(inputs, outputs, name=model.name)
    before = [model.layers[-1].name] if isinstance(model, keras.Sequential) else list(model.output_names)
    if before == list(made.output_names):
        return made
    bearers = {name: keras.layers.Identity(name=name) for name in set(before) - set(made.output_names)}
    flat = [
        bearers[name](tensor) if name in bearers else tensor
        for name, tensor in zip(before, keras.tree.flatten(outputs), strict=True)
    ]
    return keras.Model(inputs, keras.tree.pack_sequence_as(outputs, flat), name=model.name)


def _renewed(layer: Any, network: Network, kept: Sequence[np.ndarray], names: set[str]) -> Any:
    """A layer of the new size, under its own name or one that is not taken."""
    if not isinstance(layer, keras.Layer):
        return layer
    plan = network.plans.get(id(layer), Plan(layer))
    sizes = {slot: len(network.slots[id(layer), slot].staying(kept)) for slot in plan.slots}
    config = _unbuilt(layer.get_config()) | plan.settings(sizes)
    config["name"] = _untaken(layer.name, names)
    return type(layer).from_config(config)


def _unbuilt(config: Any) -> Any:
    """A configuration without the shapes that a layer inside another was built for."""
    if isinstance(config, dict):
        return {key: _unbuilt(value) for key, value in config.items() if key != "build_config"}
    return [_unbuilt(item) for item in config] if isinstance(config, list) else config


def _untaken(name: str, names: set[str]) -> str:
    number, found = 1, name
    while found in names:
        found, number = f"{name}_{number}", number + 1
    names.add(found)
    return found


def _weights(layer: Any, network: Network, kept: Sequence[np.ndarray]) -> list[np.ndarray]:
    plan = network.plans.get(id(layer), Plan(layer))
    return [
        _cut(np.asarray(weight), plan.weights.get(id(weight), {}), layer, network, kept) for weight in layer.weights
    ]


def _cut(values: np.ndarray, axes: Any, layer: Any, network: Network, kept: Sequence[np.ndarray]) -> np.ndarray:
    for axis, slot in axes.items():
        values = values.take(network.slots[id(layer), slot].staying(kept), axis=axis)
    return values


def silence(network: Network, kept: Sequence[np.ndarray]) -> Callable[[], None]:
    """Set all weights to 0 that `rebuild` would leave out; calling what it returns brings them back.

    Args:
        network: What `read_network` says of a model.
        kept: For each group whether each of its units stays: `(units,)`.
    """
    before: list[tuple[Any, np.ndarray]] = []
    for plan in network.plans.values():
        for weight in plan.layer.weights if plan.weights else ():
            values = np.array(weight)
            if _mute(values, plan, id(weight), network, kept):
                before.append((weight, np.array(weight)))
                weight.assign(values)

    def restore() -> None:
        for weight, values in before:
            weight.assign(values)

    return restore


def _mute(values: np.ndarray, plan: Plan, weight: int, network: Network, kept: Sequence[np.ndarray]) -> bool:
    """Set what leaves to 0, and tell whether anything does."""
    changed = False
    for axis, slot in plan.weights.get(weight, {}).items():
        staying = network.slots[id(plan.layer), slot].staying(kept)
        leaving = np.setdiff1d(np.arange(values.shape[axis]), staying)
        values[(slice(None),) * axis + (leaving,)] = 0
        changed = changed or leaving.size > 0
    return changed
