"""What one inference does on an emulated processor, counted instruction by instruction."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from typing import Optional

LINE_BYTES = 64  # of every cache that is simulated
CYCLE_PARTS = 16  # the counter adds sixteenths of cycles, as a plain block takes parts of one
LINE = re.compile(r"mark (\d+)((?: [a-z0-9_]+ \d+)+)", re.ASCII)
UNTIMED = "the board is emulated, and an emulator's times and memory tell nothing of the board's"
REPEATABLE = 1e-4  # of a count: what it may differ by from one run to the next,
LEAST_REPEATABLE = 50  # or this, for where Python's own objects lie
TRAFFIC_REPEATABLE = 5e-2  # the same of cache lines: where the memory of a model lies moves them


class CountsError(ValueError):
    """What the emulator's counter wrote cannot be read."""


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
        operators: Operators of the model, for what each costs beside its work; `None` until somebody who reads the file
            tells, as the emulator does not see them.
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
    operators: Optional[int] = None

    def __post_init__(self) -> None:
        negative = [name for name, value in asdict(self).items() if isinstance(value, int) and value < 0]
        if negative:
            raise ValueError(f"{', '.join(negative)} is below 0; allowed: 0 or more")
        if not self.cpu or self.instructions < max(1, self.loads, self.stores, self.simd):
            raise ValueError("counts have a processor, and no class has more instructions than there are in all")
        if self.dot_products > self.simd:
            raise ValueError(f"dot_products is {self.dot_products}; allowed: at most simd, {self.simd}")


@dataclass(frozen=True)
class Tally:
    """What the counter added up since the program began, as it stood at a mark.

    Attributes:
        instructions: Instructions.
        loads: Those that read memory.
        stores: Those that write memory.
        simd: Those that compute with vectors or floating point.
        dot_products: SDOT and UDOT among these.
        port_cycles_16: Sixteenths of the cycles that the busiest port needs.
        l1_refills: Cache lines that the first data cache took in.
        dram_lines: Cache lines that the last cache took in or wrote back.
    """

    instructions: int
    loads: int
    stores: int
    simd: int
    dot_products: int
    port_cycles_16: int
    l1_refills: int
    dram_lines: int

    def __sub__(self, other: Tally) -> Tally:
        """What was added between two marks."""
        return Tally(*(mine - others for mine, others in zip(astuple(self), astuple(other))))


def read_marks(text: str) -> Mapping[int, Tally]:
    """Read what the counter wrote: a line for each mark.

    Raises:
        CountsError: A line has another form, a count is missing or unknown, or a mark stands twice.
    """
    marks: dict[int, Tally] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        found = LINE.fullmatch(line)
        if found is None or int(found[1]) in marks:
            raise CountsError(f"line {number} is no count at a mark of its own: {line[:60]!r}")
        words = found[2].split()
        counted = dict(zip(words[::2], map(int, words[1::2])))
        try:
            marks[int(found[1])] = Tally(**counted)
        except TypeError as error:
            raise CountsError(f"line {number} has other counts: {', '.join(counted)}") from error
    return marks


def per_inference(cpu: str, empty: Tally, regions: Sequence[Tally], inferences: int) -> Counts:
    """What one inference takes, free of what marking a region takes, and of what happens only once.

    Args:
        cpu: The processor that was emulated.
        empty: What a region of no inference took.
        regions: What each region took; that of the fewest instructions counts.
        inferences: How many each has.

    Raises:
        CountsError: No region took more than the empty one.
    """
    difference = min(regions, key=lambda region: region.instructions) - empty
    if difference.instructions <= 0:
        raise CountsError("inferences took no more instructions than none")

    def each(value: int, unit: float = 1) -> int:
        return max(0, round(value * unit / inferences))

    return Counts(
        cpu=cpu,
        instructions=each(difference.instructions),
        loads=each(difference.loads),
        stores=each(difference.stores),
        simd=each(difference.simd),
        dot_products=each(difference.dot_products),
        port_cycles=each(difference.port_cycles_16, 1 / CYCLE_PARTS),
        l1_refill_bytes=each(difference.l1_refills, LINE_BYTES),
        dram_bytes=each(difference.dram_lines, LINE_BYTES),
    )
