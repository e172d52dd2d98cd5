"""What a target's hardware means for a model: which kernels int8 takes, how much memory there is, which widths fit."""

from __future__ import annotations

from typing import NamedTuple

from edgekit_targets.profile import Profile

KIB = 1024
COMPUTED_IN_INT8 = ("int8", "int8-dynamic")  # the schemes whose products are of int8 by int8


class Effect(NamedTuple):
    """What one property of the hardware means for a model.

    Attributes:
        value: In a few words.
        reason: Why, or what for.
    """

    value: str
    reason: str


def kernel_effect(profile: Profile, scheme: str) -> Effect:
    """What the instruction set gives a model of a scheme, such as `int8` or `float32`."""
    if scheme not in COMPUTED_IN_INT8:
        return Effect(scheme, "dot-product instructions matter only to schemes that compute in int8")
    cores = profile.cpu.model.value if profile.cpu.model is not None else "processor"
    match profile.cpu.has("dotprod"):
        case True:
            reason = f"the {cores} has dot-product instructions, for which the interpreter has kernels"
            return Effect("int8 with dot product", f"{reason}: int8 saves computing as well as memory traffic")
        case False:
            reason = f"the {cores} lacks dot-product instructions, so int8 saves memory traffic more than computing"
            return Effect("int8 without dot product", f"{reason}: it may win little on a small model; measure both")
    return Effect("unknown", f"{profile.name} does not say whether it has dot-product instructions; measure both")


def memory_effect(profile: Profile) -> Effect:
    """How much memory a process with the model may take."""
    ram, budget = profile.memory.ram_kib, profile.budgets.peak_rss_kib
    board = f"{ram.value / KIB:.0f} MiB" if ram is not None else "an unknown amount"
    if budget is not None:
        needs = "the model's file, its activations and the interpreter must fit, and bench measures whether they do"
        return Effect(f"at most {budget / KIB:.0f} MiB", f"the limit of {profile.name}, which has {board}; {needs}")
    return Effect("no limit", f"{profile.name} sets none and has {board}")


def channel_effect(profile: Profile) -> Effect | None:
    """Which channel counts the kernels favour; `None` where the profile does not say."""
    alignment = profile.cpu.channel_alignment
    if alignment is None:
        return None
    why = alignment.note or "other counts leave part of a kernel's work unused"
    return Effect(f"multiples of {alignment.value}", f"{why}; this matters where channels are pruned")


def size_warnings(profile: Profile, model_size_bytes: int) -> tuple[str, ...]:
    """What speaks against the length of a model's file on a target."""
    size_kib, budgets = model_size_bytes / KIB, profile.budgets
    size = f"the model's file has {size_kib:.0f} KiB"
    if budgets.model_size_kib is not None and size_kib > budgets.model_size_kib:
        return (f"{size}, and {profile.name} allows {budgets.model_size_kib:.0f} KiB",)
    if budgets.peak_rss_kib is not None and size_kib > budgets.peak_rss_kib:
        return (f"{size}, and {profile.name} allows a process {budgets.peak_rss_kib:.0f} KiB in all",)
    return ()
