"""Micro-benchmarks: what is measured to fit a profile to a device, and what the formula makes of the figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgekit_targets.estimate.cores import LINE_BYTES, Precision, Rates
from edgekit_targets.profile import Speed
from edgekit_targets.sourced import Sourced

if TYPE_CHECKING:
    from edgekit_targets.graph.tflite_write import Chain

BYTES_OF: Mapping[Precision, int] = {"float32": 4, "int8": 1}
LENGTH = 4
DENSE_SHAPE, DENSE_KERNEL = (1, 28, 28, 128), 1
DEPTHWISE_SHAPE, DEPTHWISE_KERNEL = (1, 56, 56, 128), 3
OVERHEAD_SHAPE, OVERHEAD_LENGTH = (1, 1, 1, 8), 100
LEAST_SHARE = 0.2  # of a measured time that is computing, whatever the base says of the caches
COPIED_BYTES = 1 << 26  # far more than any cache of a board


@dataclass(frozen=True)
class Micro:
    """A micro-benchmark.

    Attributes:
        figure: The figure of `cpu.speed` that it gives.
        precision: Of its values.
        depthwise: Whether its convolutions are depthwise.
    """

    figure: str
    precision: Precision
    depthwise: bool = False

    @property
    def macs(self) -> int:
        """Its multiply-accumulates."""
        batch, height, width, channels = DEPTHWISE_SHAPE if self.depthwise else DENSE_SHAPE
        each = DEPTHWISE_KERNEL**2 if self.depthwise else channels
        return LENGTH * batch * height * width * channels * each

    @property
    def moved_bytes(self) -> int:
        """Bytes of its operators' weights, inputs and outputs, without biases."""
        batch, height, width, channels = DEPTHWISE_SHAPE if self.depthwise else DENSE_SHAPE
        weights = channels * (DEPTHWISE_KERNEL**2 if self.depthwise else channels)
        return LENGTH * BYTES_OF[self.precision] * (2 * batch * height * width * channels + weights)

    def chain(self) -> Chain:
        """The model."""
        from edgekit_targets.graph.tflite_write import Chain

        if self.depthwise:
            return Chain("DEPTHWISE_CONV_2D", DEPTHWISE_SHAPE, DEPTHWISE_KERNEL, LENGTH, self.precision)
        return Chain("CONV_2D", DENSE_SHAPE, DENSE_KERNEL, LENGTH, self.precision)


MICROS = (
    Micro("float32_macs_per_cycle", "float32"),
    Micro("int8_macs_per_cycle", "int8"),
    Micro("depthwise_float32_macs_per_cycle", "float32", depthwise=True),
    Micro("depthwise_int8_macs_per_cycle", "int8", depthwise=True),
)


def overhead_chain() -> Chain:
    """A model that does nothing but start operators."""
    from edgekit_targets.graph.tflite_write import Chain

    return Chain("ADD", OVERHEAD_SHAPE, 1, OVERHEAD_LENGTH, "float32")


def calibrated_rates(
    rates: Mapping[Precision, Rates], speed: Speed | None, efficiency: float, refill_cycles: float
) -> Mapping[Precision, Rates]:
    """Rates by which the formula gives the times that were measured on the device itself.

    Args:
        rates: Of the core, or of one that stands in for it.
        speed: Of the profile; only its `verified` figures count.
        efficiency: The formula's constant.
        refill_cycles: Likewise.
    """
    if speed is None:
        return rates
    found = dict(rates)
    for micro in MICROS:
        figure: Sourced[float] | None = getattr(speed, micro.figure)
        if figure is not None and figure.confidence == "verified":
            found[micro.precision] = _fitted(micro, found[micro.precision], figure.value, efficiency, refill_cycles)
    return found


def is_calibrated(speed: Speed | None) -> bool:
    """Whether a profile's speeds were all measured on such a device."""
    figures = [getattr(speed, micro.figure) for micro in MICROS] if speed is not None else [None]
    return all(figure is not None and figure.confidence == "verified" for figure in figures)


def _fitted(micro: Micro, rates: Rates, macs_per_cycle: float, efficiency: float, refill_cycles: float) -> Rates:
    """What is left of the measured cycles after the lines that the formula counts apart; the model fits into caches."""
    taken = micro.macs / macs_per_cycle
    dense = 0 if micro.depthwise else micro.macs
    lines = (dense * rates.refill_bytes_per_mac + micro.moved_bytes * rates.refill_bytes_per_byte) / LINE_BYTES
    computing = max(LEAST_SHARE * taken, taken - refill_cycles * lines)
    arithmetic = max(LEAST_SHARE * taken, efficiency * computing - micro.moved_bytes * rates.cycles_per_byte)
    if micro.depthwise:
        return replace(rates, depthwise_macs_per_cycle=micro.macs / arithmetic)
    return replace(rates, dense_macs_per_cycle=micro.macs / arithmetic)
