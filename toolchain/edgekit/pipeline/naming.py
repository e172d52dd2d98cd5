"""Errors about files that only edgekit knows, told as errors about what the user gave."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgekit.pipeline.plan import Plan
from edgekit.pipeline.work import GOLDEN_INPUTS
from edgekit_converters.framework import FORMAT_NAMES
from edgekit_runtime.errors import ConversionError, UserError

ELSEWHERE = "Try another --quantize or --format, and see the whole log with -v."


@contextmanager
def named_for_the_user(plan: Plan, scratch: Path) -> Iterator[None]:
    """Let no error name a file of the scratch folder, which is gone when the user reads of it.

    Args:
        plan: What is done.
        scratch: The scratch folder.

    Raises:
        ConversionError: An error of the block named such a file.
    """
    try:
        yield
    except UserError as error:
        if str(scratch) not in str(error):
            raise
        raise ConversionError(_in_other_words(error.message, plan, scratch), hint=ELSEWHERE) from error


def _in_other_words(message: str, plan: Plan, scratch: Path) -> str:
    made = FORMAT_NAMES[plan.model_format]
    names = {
        f"float.{plan.model_format}": f"{plan.model} as float {made}",
        f"quantized.{plan.model_format}": f"{plan.model} as {plan.recipe.quantize.scheme} {made}",
        GOLDEN_INPUTS: f"the golden samples of {plan.model}",
        "": "the work on it",
    }
    for file, name in names.items():
        message = message.replace(str(scratch / file), name)
    return message
