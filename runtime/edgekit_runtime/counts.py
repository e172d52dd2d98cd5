"""What one inference does on an emulated processor, counted instruction by instruction."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Counts:
    """What one inference takes, on one thread, as counted under an emulator with a model of the processor.

    Counts are per inference: those of a region of inferences, divided by their number. Another processor, another
    version of the interpreter or other kernels give other counts; another host, its load and its clock do not.

    Attributes:
        cpu: The processor that was emulated, such as `cortex-a72`.
        instructions: All instructions that were executed (AArch64).
        loads: Instructions among them that read memory.
        stores: Instructions among them that write memory.
        simd: Instructions among them that compute with vectors or floating point.
        dot_products: SDOT and UDOT among these.
        port_cycles: Clock cycles that the processor takes at the least: the sum over basic blocks of the cycles that
            the busiest of issue, vector, multiply, load and store ports needs (Arm's optimisation guides); nothing
            waits for memory or for a result.
        l1_refill_bytes: Cache lines that the first data cache took in, 64 bytes each (simulated: least recently
            used out first, no prefetch).
        dram_bytes: Lines that the last cache took in or wrote back, 64 bytes each (simulated likewise).
        operators: Operators of the model that were executed, for what each costs beside its work; 0 where unknown.
    """

    cpu: str
    instructions: int
    loads: int
    stores: int
    simd: int
    dot_products: int
    port_cycles: int
    l1_refill_bytes: int
    dram_bytes: int
    operators: int

    def __post_init__(self) -> None:
        negative = [name for name, value in asdict(self).items() if isinstance(value, int) and value < 0]
        if negative:
            raise ValueError(f"{', '.join(negative)} is below 0; allowed: 0 or more")
        if not self.cpu or self.instructions < max(1, self.loads, self.stores, self.simd):
            raise ValueError("counts have a processor, and no class has more instructions than there are in all")
        if self.dot_products > self.simd:
            raise ValueError(f"dot_products is {self.dot_products}; allowed: at most simd, {self.simd}")
