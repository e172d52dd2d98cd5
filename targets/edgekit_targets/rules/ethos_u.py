"""What the Ethos-U takes: Vela's own judgement of each operator, with a fix for each of its demands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from edgekit_runtime.child import ChildError
from edgekit_targets.findings import Place
from edgekit_targets.fixes import Fix
from edgekit_targets.graph.graph import Subgraph
from edgekit_targets.npu import NpuCompiler
from edgekit_targets.rules.common import GIVE_SHAPES, TO_INTEGER
from edgekit_targets.rules.ruling import LISTED, Refused, Verdict
from edgekit_targets.vela.vela import Refusal, sort_operators, vela_version

FIXES = {
    "Feature-map dataTypes": Fix(
        "Write it with operators and types of its list: edgekit targets ops TARGET", "rewrite"
    ),
    "Unsupported opType": LISTED,
    "Only the first dimension of tensors can be dynamic": GIVE_SHAPES,
    "Tensors must have constant shape": GIVE_SHAPES,
    "must have quantization parameters": TO_INTEGER,
    "Weight": Fix("Take weights of 8 bits that are constants of the file: --quantize int8", "samples"),
    "Kernel": Fix("Take a smaller kernel, or several small ones one after the other.", "rewrite"),
    "stride": Fix("Take strides within the limit, and a pooling for the rest.", "rewrite"),
    "Per-axis quantization": Fix("Quantize this operator with one scale for the whole tensor.", "samples"),
}
"""From words of a demand to what to do about it."""
ANY_NAME = ("None", "RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1", "TANH", "LOGISTIC")
"""What Vela calls operators that it has no name for, and activations that it takes out of an operator."""
BEFORE_ACTIVATION = "_act"  # what it adds to the name of a tensor between the two
UNNAMED = "<unnamed>"
NO_OUTPUT = "placeholder-for"
FLOAT_TYPE = "type=FLOAT"  # in its words for what it expects in integers
JOINED = re.compile(r"\(([^();]*);[^()]*\)")
"""Names of tensors that a converter joined where it fused operators, of which the first tells enough."""
MEND = Fix("Mend what Vela names, or write the operators before it with others.", "rewrite")
OTHERWISE = Fix("Change the operator so that it meets the demand, or let it run on the processor.", "rewrite")


def judge(model: Path, subgraph: Subgraph, compiler: NpuCompiler) -> Verdict:
    """Ask Vela which operators of a model it leaves to the processor.

    Args:
        model: The `.tflite` file.
        subgraph: Its main graph.
        compiler: What Vela is told of the target.

    Raises:
        MissingExtraError: Vela is not installed, or too old.
    """
    rules = f"Vela {vela_version()}"
    try:
        found = sort_operators(model, subgraph, compiler)
    except ChildError as error:
        return Verdict(rules, (), f"Vela died on the file: {error.message}", MEND.text, MEND.needs)
    writers = _writers(subgraph)
    refused = tuple(place for refusal in found.refusals for place in _places(refusal, subgraph, writers))
    failure = f"Vela compiles nothing of it: {found.error}" if found.error else ""
    fix = TO_INTEGER if FLOAT_TYPE in found.error else MEND
    return Verdict(rules, refused, failure, fix.text, fix.needs)


def _writers(subgraph: Subgraph) -> Mapping[str, list[int]]:
    """From the names of tensors to the operators that write one of the name; from nothing to those that write none."""
    writers: dict[str, list[int]] = {}
    for index, operator in enumerate(subgraph.operators):
        outputs = subgraph.tensors_of(operator.outputs)
        for name in [tensor.name or UNNAMED for tensor in outputs] or [""]:
            writers.setdefault(name, []).append(index)
    return writers


def _places(refusal: Refusal, subgraph: Subgraph, writers: Mapping[str, list[int]]) -> Iterator[Refused]:
    """The operators of the file that Vela speaks of."""
    fix = TO_INTEGER if "DataType Float" in refusal.detail else _fix(refusal.constraint)
    tensor = "" if refusal.tensor.startswith(NO_OUTPUT) else refusal.tensor
    found = writers.get(tensor) or writers.get(tensor.removesuffix(BEFORE_ACTIVATION), [])
    for index in found:
        operator = subgraph.operators[index]
        if operator.custom or refusal.operator in (operator.name, *ANY_NAME):
            detail = JOINED.sub(r"(\1)", refusal.detail)
            place = Place.of(subgraph, index)
            yield Refused(place, _rule_name(refusal), refusal.constraint, fix.text, fix.needs, detail)


def _fix(constraint: str) -> Fix:
    return next((fix for words, fix in FIXES.items() if words in constraint), OTHERWISE)


def _rule_name(refusal: Refusal) -> str:
    words = "".join(letter if letter.isalnum() else " " for letter in refusal.constraint.lower()).split()
    return "vela-" + "-".join(words[:6])
