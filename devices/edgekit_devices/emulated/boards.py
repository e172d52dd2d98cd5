"""The boards that are emulated, and the files by which their systems tell what they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgekit_runtime.errors import UserError

ARMV8 = "fp asimd evtstrm crc32 cpuid"
ARMV8_2 = "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"
ARM = "0x41"


@dataclass(frozen=True)
class Board:
    """A board, as its system shows it.

    Attributes:
        name: How the user names it; that of its target, too.
        model: How its firmware names it.
        cpu: The processor, as qemu names it; the number at its end is what the counter takes.
        cores: Processors.
        timer_mhz: Frequency of the timer, of which the system makes its BogoMIPS.
        variant: Of the processor, as /proc/cpuinfo tells it.
        part: The same.
        revision: The same.
        features: The same, in its order: libraries choose their kernels by them.
    """

    name: str
    model: str
    cpu: str
    cores: int
    timer_mhz: float
    variant: str
    part: str
    revision: str
    features: str

    @property
    def core(self) -> str:
        """The number of the processor, such as `72`."""
        return self.cpu.removeprefix("cortex-a")


# Read on boards: sbc-bench's results, whose places the targets' profiles name.
BOARDS: Mapping[str, Board] = {
    board.name: board
    for board in (
        Board("raspberry-pi-3b-plus", "Raspberry Pi 3 Model B Plus", "cortex-a53", 4, 19.2, "0x0", "0xd03", "4", ARMV8),
        Board("raspberry-pi-zero-2w", "Raspberry Pi Zero 2 W", "cortex-a53", 4, 19.2, "0x0", "0xd03", "4", ARMV8),
        Board("raspberry-pi-4b", "Raspberry Pi 4 Model B", "cortex-a72", 4, 54.0, "0x0", "0xd08", "3", ARMV8),
        Board("raspberry-pi-5", "Raspberry Pi 5 Model B", "cortex-a76", 4, 54.0, "0x4", "0xd0b", "1", ARMV8_2),
    )
}


def find_board(name: str) -> Board:
    """The board of a name.

    Raises:
        UserError: There is none.
    """
    if name not in BOARDS:
        raise UserError(f"emulated://{name}: no such board; allowed: {', '.join(BOARDS)}.")
    return BOARDS[name]


def system_files(board: Board) -> Mapping[str, str]:
    """The files of procfs and sysfs that libraries read, by their paths without the leading slash.

    Without them a library finds those of the emulating machine, and takes other kernels or dies.
    """
    cores = f"0-{board.cores - 1}\n"
    lists = {f"sys/devices/system/cpu/{name}": cores for name in ("possible", "present", "online")}
    return {
        "proc/cpuinfo": cpuinfo(board),
        "sys/firmware/devicetree/base/model": f"{board.model}, emulated\0",
        **lists,
    }


def cpuinfo(board: Board) -> str:
    """The text of /proc/cpuinfo, as a 64-bit kernel writes it."""
    return "".join(
        f"processor\t: {core}\n"
        f"BogoMIPS\t: {2 * board.timer_mhz:.2f}\n"
        f"Features\t: {board.features}\n"
        f"CPU implementer\t: {ARM}\n"
        "CPU architecture: 8\n"
        f"CPU variant\t: {board.variant}\n"
        f"CPU part\t: {board.part}\n"
        f"CPU revision\t: {board.revision}\n\n"
        for core in range(board.cores)
    )
