"""What a profile says of an accelerator, its compiler and its link."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgekit_targets.names import Confidence, ModelFormat, NpuDtype, NpuFamily, SchemeName
from edgekit_targets.sourced import Sourced

COMPILES: Mapping[NpuFamily, tuple[ModelFormat, ...]] = {
    "ethos-u": ("tflite",),
    "edgetpu": ("tflite",),
    "neutron": ("tflite",),
    "hexagon": ("tflite", "onnx"),
    "rockchip": ("onnx", "tflite"),
    "hailo": ("onnx", "tflite"),
}
"""The model formats that each family's compiler reads, the preferred one first."""


@dataclass(frozen=True)
class NpuCompiler:
    """What the vendor's compiler is told of the target.

    Attributes:
        accelerator: Its name for the accelerator, such as `ethos-u55-256` or `rk3588`.
        system_config: Its name for clock and memories, where it has such names.
        memory_mode: Its name for what lies in which memory, where it has such names.
        source: Key of a citation in the profile's `sources`.
        confidence: How far it can be trusted that this fits the hardware.
        note: What a reader must know to use it rightly.
    """

    accelerator: str
    source: str
    confidence: Confidence
    system_config: str = ""
    memory_mode: str = ""
    note: str = ""


@dataclass(frozen=True)
class Npu:
    """An accelerator for neural networks; what is not known is `None`.

    Attributes:
        family: The accelerators whose compiler and rules it shares.
        model: Its name.
        run_by: What runs a compiled model there; edgekit's runtime drives no accelerator.
        dtypes: Types of the activations that it computes in.
        schemes: The schemes whose files it takes, the preferred one first.
        cores: How many of its kind there are.
        macs_per_cycle: Multiply-accumulates of int8 values of all its cores, at most.
        clock_mhz: Its clock.
        peak_gops: Operations in a second at most, in units of 10^9, as its maker counts them: two for each
            multiply-accumulate.
        sustained_gops: Likewise, what it reaches in whole networks whose weights lie on the chip.
        sram_kib: Memory on the chip that a model may take.
        flash_kib: Flash that the constants of a model may take.
        sram_bandwidth_mb_s: Bytes read from it in a second, in units of 10^6.
        flash_bandwidth_mb_s: Likewise from the flash where the constants lie.
        dram_bandwidth_mb_s: Likewise from the memory outside the chip.
        channel_alignment: Channel counts that are a multiple of this one use it fully.
        power_mw: What it draws at full load.
        compiler: What its compiler is told.
    """

    family: NpuFamily
    model: Sourced[str]
    run_by: Sourced[str]
    dtypes: Sourced[tuple[NpuDtype, ...]]
    schemes: Sourced[tuple[SchemeName, ...]]
    cores: Sourced[int] | None = None
    macs_per_cycle: Sourced[int] | None = None
    clock_mhz: Sourced[float] | None = None
    peak_gops: Sourced[float] | None = None
    sustained_gops: Sourced[float] | None = None
    sram_kib: Sourced[int] | None = None
    flash_kib: Sourced[int] | None = None
    sram_bandwidth_mb_s: Sourced[float] | None = None
    flash_bandwidth_mb_s: Sourced[float] | None = None
    dram_bandwidth_mb_s: Sourced[float] | None = None
    channel_alignment: Sourced[int] | None = None
    power_mw: Sourced[float] | None = None
    compiler: NpuCompiler | None = None

    def __post_init__(self) -> None:
        empty = [name for name in ("dtypes", "schemes") if not getattr(self, name).value]
        if empty:
            raise ValueError(f"{' and '.join(empty)} empty; allowed: at least one")


@dataclass(frozen=True)
class Link:
    """What lies between the processor and the accelerator; what is not known is `None`.

    Attributes:
        name: What it is, such as `USB 3`.
        bandwidth_mb_s: Bytes that cross it in a second, in units of 10^6.
        latency_us: What each crossing costs beside its bytes.
    """

    name: Sourced[str]
    bandwidth_mb_s: Sourced[float] | None = None
    latency_us: Sourced[float] | None = None
