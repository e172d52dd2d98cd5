"""What is said of models that cannot be made smaller, or trained."""

from __future__ import annotations

from edgekit_runtime.errors import RecipeError


def finished(source: str, job: str, what: str) -> RecipeError:
    """A model that is no longer made of layers that can change.

    Args:
        source: Where it came from.
        job: What was asked for: `pruning`, `training`, `replacing the head`.
        what: What it is, such as `an exported program`.
    """
    return RecipeError(
        f"{source}: {job} changes a model's layers, and this is {what}.",
        hint="Give the Keras file or the PyTorch code that it was exported from.",
    )
