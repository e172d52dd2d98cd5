"""Recipes: what is done to a model, by name."""

from __future__ import annotations

from dataclasses import dataclass

from edgekit_converters.settings import QuantizeSettings


@dataclass(frozen=True)
class Recipe:
    """What is done to a model.

    Attributes:
        name: Its name.
        quantize: The scheme, and the types at the borders of the file.
    """

    name: str
    quantize: QuantizeSettings


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("float32", QuantizeSettings("float32", "float32", "float32")),
        Recipe("int8", QuantizeSettings("int8", "int8", "int8")),
    )
}
