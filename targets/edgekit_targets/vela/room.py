"""What a compiled model takes of the memories on a chip, held against their sizes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from edgekit_runtime.child import ChildError
from edgekit_targets.npu import Npu
from edgekit_targets.sourced import Sourced
from edgekit_targets.vela.vela import VelaError, compile_with_vela

SRAM = ("sram_memory_used",)
FLASH = ("on_chip_flash_memory_used", "off_chip_flash_memory_used")
CACHE = "Dedicated_Sram"  # memory modes in which SRAM is a cache: Vela keeps within the size that the mode tells


def beyond_chip(model: Path, npu: Npu) -> tuple[str, ...]:
    """What a model takes more of than the chip has; nothing where the profile tells no sizes, or Vela takes no model.

    Args:
        model: A `.tflite` file, not compiled yet.
        npu: The accelerator.

    Raises:
        MissingExtraError: Vela is not installed, or too old.
    """
    if npu.compiler is None or not any(size is not None for _, size, _ in _sizes(npu)):
        return ()
    try:
        with tempfile.TemporaryDirectory(prefix="edgekit-") as folder:
            return beyond(compile_with_vela(model, npu.compiler, Path(folder)).summary, npu)
    except (VelaError, ChildError):
        return ()  # it says why when it sorts the operators


def beyond(summary: Mapping[str, str], npu: Npu) -> tuple[str, ...]:
    """Likewise, of what Vela said of a model.

    Args:
        summary: Vela's own, whose memories are in KiB.
        npu: The accelerator.
    """
    return tuple(
        f"it takes {taken:.0f} KiB of {name}, and the chip has {size.value} KiB"
        for name, size, columns in _sizes(npu)
        if size is not None and (taken := sum(float(summary[column]) for column in columns)) > size.value
    )


def _sizes(npu: Npu) -> Iterator[tuple[str, Sourced[int] | None, tuple[str, ...]]]:
    cached = npu.compiler is not None and npu.compiler.memory_mode.startswith(CACHE)
    yield "SRAM", None if cached else npu.sram_kib, SRAM
    yield "flash", npu.flash_kib, FLASH
