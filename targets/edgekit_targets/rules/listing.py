"""What a target takes, operator by operator, as Markdown: from the very rules that a check uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from edgekit_runtime.errors import UserError
from edgekit_targets.npu import Npu
from edgekit_targets.profile import Profile
from edgekit_targets.rules.catalog import family_of
from edgekit_targets.rules.rule import Family, Rule


def list_operators(profile: Profile) -> str:
    """The operators that a target's accelerator takes, with what it demands of them.

    Args:
        profile: The target.

    Returns:
        Markdown, which ends in a newline.

    Raises:
        UserError: The target has no accelerator.
        MissingExtraError: The rules are a vendor's compiler's, and it is not installed.
    """
    if profile.npu is None:
        raise UserError(
            f"{profile.name} has no accelerator: its processor runs what its interpreters have kernels for.",
            hint="`edgekit check` tells which operators of a model have none.",
        )
    text = "\n".join((*_head(profile, profile.npu), *_body(profile.npu))) + "\n"
    return text.replace("TARGET", profile.name)


def _head(profile: Profile, npu: Npu) -> Iterator[str]:
    yield f"# {npu.model.value}: operators"
    yield ""
    yield f"Target `{profile.name}`. It computes in {', '.join(npu.dtypes.value)}. {npu.run_by.note}."
    yield ""


def _body(npu: Npu) -> Iterator[str]:
    family = family_of(npu.family)
    if family is not None:
        yield from _by_rules(family)
        return
    from edgekit_targets.vela.vela import operator_rules, vela_version

    assert npu.compiler is not None, "a profile of an Ethos-U says what Vela is told"
    yield f"Source: Vela {vela_version()}, asked for its own constraints."
    yield from _by_vela(operator_rules(npu.compiler.accelerator))


def _by_vela(rules: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    every = [rule for rule in next(iter(rules.values()), ()) if all(rule in others for others in rules.values())]
    yield from _section("Every operator", every)
    for name, demands in rules.items():
        yield from _section(name, [rule for rule in demands if rule not in every] or ["nothing beyond that"])


def _by_rules(family: Family) -> Iterator[str]:
    yield f"Source: {family.source}."
    if family.one_partition:
        yield ""
        yield "Everything behind the first operator that it does not take runs on the processor."
    yield from _section("Every operator", [_text(rule) for rule in family.rules if not rule.operators])
    if not family.operators:
        yield from _section("These operators", [_named(rule) for rule in family.rules if rule.operators] or ["nothing"])
    for name, remark in sorted(family.operators.items()):
        demands = [_text(rule) for rule in family.rules if name in rule.operators]
        yield from _section(name, [*demands, *([remark] if remark else [])] or ["nothing beyond that"])


def _section(title: str, demands: list[str]) -> Iterator[str]:
    yield ""
    yield f"## {title}"
    yield ""
    yield from (f"- {' '.join(demand.split())}" for demand in demands)


def _text(rule: Rule) -> str:
    return f"{rule.reason}. Otherwise: {rule.fix.text}"


def _named(rule: Rule) -> str:
    return f"{', '.join(sorted(rule.operators))}: {_text(rule)}"
