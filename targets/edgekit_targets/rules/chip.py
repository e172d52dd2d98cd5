"""What speaks against a model on the memories of an accelerator and of its chip."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edgekit_targets.estimate.npu.link import streamed_bytes
from edgekit_targets.estimate.subject import Subject
from edgekit_targets.findings import Finding, Placement, Severity, predicted
from edgekit_targets.fixes import Fix
from edgekit_targets.hardware import KIB
from edgekit_targets.npu import Npu
from edgekit_targets.profile import Profile
from edgekit_targets.rules.common import NARROWER

FROM_SHAPES = "counted from the shapes in the file"
FROM_COMPILER = "Vela's own summary"
FROM_FILE = "the length of the file"
STREAMED = "streamed-weights"
BEYOND_CHIP = "beyond-chip"
BEYOND_RAM = "beyond-ram"
TELL_FLASH = Fix(
    "Tell the chip's flash in a profile of your own that extends this one, as npu.flash_kib; or take less.", "figure"
)
SRAM_NOT_TOLD = (
    "the chip's SRAM is not known, so that nothing was held against it: tell npu.sram_kib in a profile "
    "of your chip; `edgekit estimate --compile` says what Vela plans there"
)


def check_chip(subject: Subject, file: Path, profile: Profile, placement: Placement) -> Iterator[Finding]:
    """Hold a model against the memories on an accelerator's chip, as far as the profile tells them.

    Args:
        subject: The model.
        file: Its file, for a vendor's compiler that plans the memory.
        profile: The target, with an accelerator.
        placement: What runs on it.
    """
    if profile.npu is not None and placement.operators.value:
        yield from _streamed(subject, profile, placement)
        yield from _beyond_chip(file, profile.npu, placement)
    yield from _beyond_ram(subject, profile, placement)


def chip_notes(npu: Npu) -> tuple[str, ...]:
    """What a reader must know of the memories on a chip."""
    return (SRAM_NOT_TOLD,) if npu.family == "ethos-u" and npu.sram_kib is None else ()


def _streamed(subject: Subject, profile: Profile, placement: Placement) -> Iterator[Finding]:
    """Weights that do not fit on the chip of an accelerator behind a link cross it in each inference."""
    npu, link = profile.npu, profile.link
    if npu is None or link is None or npu.sram_kib is None:
        return
    beyond = streamed_bytes(subject, profile)
    if beyond:
        kept = f"the chip keeps {npu.sram_kib.value} KiB of weights, and the model has {beyond // KIB} KiB more"
        reason = f"{kept}, which cross the {link.name.value} in each inference"
        yield _finding("warning", STREAMED, reason, NARROWER, placement, FROM_SHAPES, beyond)


def _beyond_chip(file: Path, npu: Npu, placement: Placement) -> Iterator[Finding]:
    """What a compiled model takes more of than there is on the chip."""
    if npu.family != "ethos-u":
        return
    from edgekit_targets.vela.room import beyond_chip

    for reason in beyond_chip(file, npu):
        yield _finding("error", BEYOND_CHIP, reason, NARROWER, placement, FROM_COMPILER)


def _beyond_ram(subject: Subject, profile: Profile, placement: Placement) -> Iterator[Finding]:
    """A microcontroller keeps the file in its memory or in a flash."""
    ram, flash = profile.memory.ram_kib, profile.npu.flash_kib if profile.npu is not None else None
    if profile.runtimes or ram is None:
        return
    size_kib = -(-subject.size_bytes // KIB)
    has = f"the file has {size_kib} KiB, and the target {ram.value} KiB of memory"
    if flash is not None and size_kib > ram.value + flash.value:
        reason = f"{has} and {flash.value} KiB of flash"
        yield _finding("error", BEYOND_RAM, reason, NARROWER, placement, FROM_FILE)
    elif flash is None and size_kib > ram.value:
        reason = f"{has}: it must lie in a flash, which the profile does not tell"
        yield _finding("warning", BEYOND_RAM, reason, TELL_FLASH, placement, FROM_FILE)


def _finding(
    severity: Severity, rule: str, reason: str, fix: Fix, placement: Placement, method: str, link_bytes: int = 0
) -> Finding:
    none, link = predicted(0, "MAC", method), predicted(link_bytes, "byte", method)
    return Finding(severity, rule, reason, fix.text, fix.needs, (), none, placement.partitions, link)
