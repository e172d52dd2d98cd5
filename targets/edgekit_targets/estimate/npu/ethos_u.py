"""What bounds an operator on an Ethos-U: its multipliers, its SRAM, or the memory where its weights lie."""

from __future__ import annotations

from collections.abc import Mapping

from edgekit_targets.estimate.latency import Unpredictable
from edgekit_targets.estimate.npu.blocks import cycles_of
from edgekit_targets.estimate.subject import Subject
from edgekit_targets.estimate.work import Load
from edgekit_targets.hardware import KIB
from edgekit_targets.npu import Npu

START_CYCLES = 100.0  # of each operator
CACHED = "Dedicated_Sram"  # memory modes in which activations lie in the DRAM, and SRAM is a cache
NO_FLASH = "Sram_Only"
# Held against Vela 5.2.0's own sums: cycles until a DRAM has answered for an operator, and how often the bytes of a
# picture are read there, whose bursts of 128 bytes bring few of its channels.
DRAM_CYCLES, LATER_DRAM_CYCLES = 800.0, 3000.0
LATER = "ethos-u85"
PICTURE_READS, PICTURE_CHANNELS = 18, 4


def ethos_u_times(load: Load, subject: Subject, npu: Npu) -> Mapping[str, float]:
    """From what may bound an operator to how long that takes, in microseconds.

    Args:
        load: What it computes and moves.
        subject: The model.
        npu: The accelerator.

    Raises:
        Unpredictable: The profile does not tell enough of it.
    """
    if npu.macs_per_cycle is None or npu.clock_mhz is None or npu.sram_bandwidth_mb_s is None or npu.compiler is None:
        needed = "npu.macs_per_cycle, npu.clock_mhz, npu.sram_bandwidth_mb_s and npu.compiler"
        raise Unpredictable(f"the profile does not say all of {needed}")
    cycles = cycles_of(load, subject.graph.main, npu.macs_per_cycle.value) + START_CYCLES
    times = {
        "compute": cycles / npu.clock_mhz.value,
        "sram": load.activation_bytes / npu.sram_bandwidth_mb_s.value,
    }
    if npu.compiler.memory_mode.startswith(CACHED):
        times["dram"] = _dram_us(load, subject, npu, npu.clock_mhz.value)
    elif npu.compiler.memory_mode != NO_FLASH and npu.flash_bandwidth_mb_s is not None:
        times["flash"] = subject.encoded_bytes(load) / npu.flash_bandwidth_mb_s.value
    return times


def _dram_us(load: Load, subject: Subject, npu: Npu, clock_mhz: float) -> float:
    """Of weights, of a picture that is read as the caller gave it, and of activations beyond the cache."""
    if npu.dram_bandwidth_mb_s is None or npu.sram_kib is None or npu.compiler is None:
        raise Unpredictable("the profile does not say npu.dram_bandwidth_mb_s and npu.sram_kib")
    weights = subject.encoded_bytes(load)
    beyond = max(0, load.activation_bytes - npu.sram_kib.value * KIB)
    cycles = LATER_DRAM_CYCLES if npu.compiler.accelerator.startswith(LATER) else DRAM_CYCLES
    waiting_us = cycles / clock_mhz if weights else 0.0
    return waiting_us + (weights + beyond + _picture_bytes(load, subject)) / npu.dram_bandwidth_mb_s.value


def _picture_bytes(load: Load, subject: Subject) -> float:
    graph = subject.graph.main
    operator = graph.operators[load.place]
    given = [t for t in graph.tensors_of(operator.inputs[:1]) if len(t.shape) == 4 and t.shape[-1] <= PICTURE_CHANNELS]
    return float(sum(PICTURE_READS * (tensor.elements or 0) for tensor in given)) if load.macs else 0.0
