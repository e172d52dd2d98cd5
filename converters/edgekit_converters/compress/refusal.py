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


def of_old_keras(source: str, job: str) -> RecipeError:
    """A model whose layers are those of Keras 2."""
    return RecipeError(
        f"{source}: {job} changes a model's layers, and only tf_keras, the last Keras 2, can load these.",
        hint="Build it anew with Keras 3, take its weights over with load_weights(), and save it.",
    )
