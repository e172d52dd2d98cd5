"""The error for a model that a vendor's compiler refuses, told by the user's operators."""

from __future__ import annotations

from pathlib import Path

from edgekit_converters.compile.blame import Blame, blame, in_words
from edgekit_converters.compile.compilation import CompileError
from edgekit_targets.check import judge
from edgekit_targets.graph.read import read_graph
from edgekit_targets.npu import Npu
from edgekit_targets.rules.ruling import Refused, Verdict

OTHERWISE = "Write it with other operators, or give it other shapes."
RULES = "By edgekit's rules"
NEXT = "Every operator against the target: edgekit check MODEL --target TARGET"


def refusal(compiler: str, log: str, model: Path, target: str, npu: Npu) -> CompileError:
    """The error for a model that a compiler refuses.

    Args:
        compiler: Its name.
        log: All that it printed.
        model: The file that it was given.
        target: The target's name, for what to do next.
        npu: The accelerator, whose rules say what the compiler does not.
    """
    graph = read_graph(model)
    found = blame(log, graph)
    told = _by_compiler if found.places else _by_rules
    hint = f"{told(found, judge(graph, model, npu))} {NEXT}"
    line = found.line if found.line.endswith("...") else f"{found.line}."
    return CompileError(f"{compiler} does not compile the model: {line}", hint=hint.replace("TARGET", target))


def _by_compiler(found: Blame, verdict: Verdict) -> str:
    """Where the compiler says it is, and what our rules know of that operator."""
    blamed = {place.operator for place in found.places}
    known = next((one for one in verdict.refused if one.place.operator in blamed), None)
    return f"{found.told()} {OTHERWISE if known is None else f'{RULES}, {_reason(known)}'}"


def _by_rules(_: Blame, verdict: Verdict) -> str:
    """What our rules say instead of the compiler."""
    if verdict.failure:
        return f"It names no operator; by edgekit's rules, {verdict.failure}. {verdict.fix}"
    first = min(verdict.refused, key=lambda one: one.place.operator, default=None)
    if first is None:
        return "It names no operator, and edgekit's rules refuse none; one may be too large for the chip."
    return f"It names no operator; by edgekit's rules it does not take {in_words(first.place)}: {_reason(first)}"


def _reason(refused: Refused) -> str:
    detail = f" ({refused.detail})" if refused.detail else ""
    stop = "" if refused.fix.endswith(".") else "."
    return f"{refused.reason}{detail}. {refused.fix}{stop}"
