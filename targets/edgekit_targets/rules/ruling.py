"""Which operators a target's accelerator refuses, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edgekit_targets.findings import Place
from edgekit_targets.fixes import Fix, Need
from edgekit_targets.graph.graph import Subgraph
from edgekit_targets.npu import Npu
from edgekit_targets.rules.rule import Family, Site

NOT_RUN = "operator"
LISTED = Fix("Write it with operators of its list: edgekit targets ops TARGET", "rewrite")


@dataclass(frozen=True)
class Refused:
    """An operator that does not meet a demand.

    Attributes:
        place: The operator.
        rule: Name of the demand.
        reason: The demand, as the user reads it.
        fix: What to do.
        needs: What that takes.
        detail: What was found instead; empty where the demand says it all.
    """

    place: Place
    rule: str
    reason: str
    fix: str
    needs: Need
    detail: str = ""


@dataclass(frozen=True)
class Verdict:
    """What a family's rules say of a model.

    Attributes:
        rules: Where they come from.
        refused: The operators that do not run on the accelerator; one may be named for several reasons.
        failure: Why nothing at all runs there, whatever the operators; empty otherwise.
        fix: What to do about the failure.
        needs: What that takes; `None` without one.
    """

    rules: str
    refused: tuple[Refused, ...]
    failure: str = ""
    fix: str = ""
    needs: Need | None = None


def judge_by_rules(family: Family, subgraph: Subgraph, npu: Npu) -> Verdict:
    """Hold each operator of a graph against a family's rules.

    Args:
        family: The rules.
        subgraph: The graph.
        npu: The accelerator, whose types some rules ask for.
    """
    return Verdict(family.source, tuple(_refused(family, subgraph, npu)))


def _refused(family: Family, subgraph: Subgraph, npu: Npu) -> Iterator[Refused]:
    for index, operator in enumerate(subgraph.operators):
        site = Site(operator, subgraph, npu)
        place = Place.of(subgraph, index)
        for rule in family.rules:
            if rule.refuses(site):
                yield Refused(place, f"{family.name}-{rule.name}", rule.reason, rule.fix.text, rule.fix.needs)
        if family.operators and not operator.custom and not operator.calls and operator.name not in family.operators:
            reason = f"{operator.name} is not among the operators that run on the {family.title}"
            yield Refused(place, f"{family.name}-{NOT_RUN}", reason, LISTED.text, LISTED.needs)
