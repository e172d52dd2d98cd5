"""Recipes: what is done to a model, by name."""

from __future__ import annotations

from dataclasses import dataclass

from edgekit_converters.settings import SCHEMES, QuantizeSettings


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
    scheme.name: Recipe(scheme.name, QuantizeSettings(scheme.name, scheme.border_types[0], scheme.border_types[0]))
    for scheme in SCHEMES.values()
}
