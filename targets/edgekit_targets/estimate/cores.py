"""What is known of processor cores: how many cycles and bytes work takes there, counted on emulated ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

Precision = Literal["float32", "int8"]

LINE_BYTES = 64  # of a cache line, on every core below
TABLE = "litert-2.3.0/2026-11"
"""Names the rates below: another version of the interpreter has other kernels, and needs other rates."""

COPY_MB_S = {"Cortex-A53": 1100.0, "Cortex-A72": 2500.0, "Cortex-A76": 6000.0}
"""About what the Raspberry Pis with such cores copy (their profiles have the sources)."""
FITTED_BANDWIDTH = 3.2  # fitted together with the constants of latency.py, on boards with Cortex-A53 and Cortex-A72
COPY_BANDWIDTH = 2.0  # a copy reads and writes each byte; no published figure was there to fit more


@dataclass(frozen=True)
class Rates:
    """What work of one precision takes on a core.

        cycles       = dense MACs / dense_macs_per_cycle + depthwise MACs / depthwise_macs_per_cycle
                       + bytes * cycles_per_byte
        refill bytes = dense MACs * refill_bytes_per_mac + bytes * refill_bytes_per_byte
        memory bytes = bytes * dram_bytes_per_byte

    Bytes are those of an operator's weights, inputs and outputs.

    Attributes:
        dense_macs_per_cycle: Of convolutions and of fully connected layers.
        depthwise_macs_per_cycle: Of depthwise convolutions.
        cycles_per_byte: What is not arithmetic.
        refill_bytes_per_mac: Taken into the first cache for each dense MAC.
        refill_bytes_per_byte: Taken into the first cache for each byte of an operator.
        dram_bytes_per_byte: Read from or written to main memory for each byte of an operator.
    """

    dense_macs_per_cycle: float
    depthwise_macs_per_cycle: float
    cycles_per_byte: float
    refill_bytes_per_mac: float
    refill_bytes_per_byte: float
    dram_bytes_per_byte: float


@dataclass(frozen=True)
class Core:
    """What is known of one kind of core.

    Attributes:
        rates: By precision.
        copy_mb_s: Bytes that one core copies in a second, in units of 10^6, where a profile does not say.
        bandwidth_factor: Bytes that cross to main memory while a model runs, for each byte that a copy by one
            core copies in the same time.
        checked: The precisions whose predictions were held against published latencies of such a core.
        source: Where the rates come from.
        own_l2: Whether each core has a second-level cache of its own, so that all of them take lines in at once.
    """

    rates: Mapping[Precision, Rates]
    copy_mb_s: float
    bandwidth_factor: float
    checked: frozenset[Precision]
    source: str
    own_l2: bool = False


# Lines through the counts of MobileNetV1, V2, V3 Large and V3 Small: cycles that the ports need, and lines that
# simulated caches take in (docs/validation.md).
_COUNTED = "counted with LiteRT 2.3.0 and XNNPACK on an emulated {}"
_A53: Mapping[Precision, Rates] = {
    "float32": Rates(3.14, 1.15, 0.281, 0.565, 1.17, 1.06),
    "int8": Rates(3.47, 0.86, 0.286, 0.063, 0.99, 0.89),
}
_A72: Mapping[Precision, Rates] = {
    "float32": Rates(4.01, 1.22, 0.033, 0.531, 1.36, 0.84),
    "int8": Rates(8.32, 1.11, 0.0, 0.063, 1.01, 0.71),
}
_A76: Mapping[Precision, Rates] = {
    "float32": Rates(7.99, 1.98, 0.008, 0.333, 0.90, 0.60),
    "int8": Rates(33.7, 3.30, 0.202, 0.033, 0.88, 0.55),
}
# SDOT on the A55's 64-bit pipes does 16 MACs a cycle at best, and kernels on the A76 keep half of theirs.
_A55: Mapping[Precision, Rates] = {"float32": _A53["float32"], "int8": Rates(8.0, 0.86, 0.286, 0.063, 0.99, 0.89)}

_BOTH: frozenset[Precision] = frozenset({"float32", "int8"})
_INT8: frozenset[Precision] = frozenset({"int8"})
_FLOAT32: frozenset[Precision] = frozenset({"float32"})


def _with_caches(rates: Mapping[Precision, Rates], caches: Mapping[Precision, Rates]) -> Mapping[Precision, Rates]:
    """The cycles of one core with the lines and bytes of another."""
    return {
        precision: replace(
            rates[precision],
            refill_bytes_per_mac=other.refill_bytes_per_mac,
            refill_bytes_per_byte=other.refill_bytes_per_byte,
            dram_bytes_per_byte=other.dram_bytes_per_byte,
        )
        for precision, other in caches.items()
    }


def _counted(name: str, rates: Mapping[Precision, Rates], factor: float, checked: frozenset[Precision]) -> Core:
    return Core(rates, COPY_MB_S[name], factor, checked, _COUNTED.format(name))


def _like(name: str, factor: float, *, own_l2: bool = True) -> Core:
    """A core that was never counted, and another in its place; Arm's since the A55 and A75 have an L2 of their own."""
    core = CORES[name]
    return replace(
        core,
        bandwidth_factor=factor,
        checked=frozenset(),
        own_l2=own_l2,
        source=f"taken to be like {name}, which was {core.source}",
    )


CORES: dict[str, Core] = {
    "Cortex-A53": _counted("Cortex-A53", _A53, FITTED_BANDWIDTH, _BOTH),
    "Cortex-A72": _counted("Cortex-A72", _A72, FITTED_BANDWIDTH, _BOTH),
    "Cortex-A76": replace(_counted("Cortex-A76", _A76, COPY_BANDWIDTH, _INT8), own_l2=True),
}
# Two vector pipes of 64 bits, as the A72 has, beside a first-level cache of 64 KiB, as the A76 has.
_A73 = replace(
    CORES["Cortex-A72"],
    rates=_with_caches(_A72, _A76),
    checked=_FLOAT32,
    source="taken to compute like Cortex-A72 with the first-level cache of Cortex-A76; both were counted",
)
CORES |= {
    "Cortex-A73": _A73,
    "Cortex-A75": replace(_A73, checked=_BOTH, own_l2=True),
    "Cortex-A55": replace(_like("Cortex-A53", COPY_BANDWIDTH), rates=_A55),
    "Cortex-A77": _like("Cortex-A76", COPY_BANDWIDTH),
    "Cortex-A78": _like("Cortex-A76", COPY_BANDWIDTH),
    "Cortex-A78AE": _like("Cortex-A76", COPY_BANDWIDTH),
}
"""By the name that profiles give the core."""


def core_named(model: str) -> Core | None:
    """The core that a profile's processor begins with, such as `Cortex-A76` of `Cortex-A76 (Kryo 485)`."""
    names = [name for name in CORES if name.lower() in model.lower()]
    return CORES[max(names, key=len)] if names else None
