"""Run through a model layer by layer, also through the models inside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from edgekit_runtime.errors import RecipeError

Visit = Callable[..., Any]  # takes a layer or operation and what it is called with; gives what it gives


def walk(model: Any, inputs: Any, visit: Visit) -> Any:
    """Call every layer of a model in order, those of nested models in place of these.

    Args:
        model: A model of Keras 3.
        inputs: One value for its input, nested as it takes them.
        visit: Called in place of each layer.

    Raises:
        RecipeError: The model, or one inside it, is written as a class, which tells no layers.
    """

    def enter(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(layer, keras.Model):
            return visit(layer, *args, **kwargs)
        return walk(layer, args[0], visit)

    if isinstance(model, keras.Sequential):
        for layer in model.layers:
            inputs = enter(layer, inputs)
        return inputs
    if not hasattr(model, "operations"):
        raise RecipeError(
            f"the model {model.name} is written as a class ({type(model).__name__}), which does not tell how its "
            "layers are connected; pruning takes Sequential and functional models.",
            hint="Rebuild it with keras.Input and keras.Model(inputs, outputs), and save it again.",
        )
    return model._run_through_graph(inputs, call_fn=enter)  # no public walk gives the arguments of each call
