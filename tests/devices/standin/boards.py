"""What three boards show of themselves in procfs and sysfs; constant values, in plain files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.devices.standin.userland import ARM64, ARMHF, Architecture

CORES = 4
BITS_32 = "half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt vfpd32 lpae evtstrm crc32"
BASE = "fp asimd evtstrm crc32 cpuid"
PI5 = "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"
CPUINFO = """\
processor\t: {core}
BogoMIPS\t: 108.00
Features\t: {board.features}
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: {board.variant}
CPU part\t: {board.part}
CPU revision\t: {board.revision}

"""
TAIL = "Revision\t: {board.code}\nSerial\t\t: 10000000deadbeef\nModel\t\t: {board.model}\n"


@dataclass(frozen=True)
class Board:
    """A board as its kernel shows it; features and numbers as on boards of that name.

    Attributes:
        qemu_cpu: QEMU's name of the processor.
        architecture: Its userland's instruction set.
        part: The processor's number, in hexadecimal.
    """

    model: str
    qemu_cpu: str
    part: str
    variant: str
    revision: int
    features: str
    code: str
    clock_khz: int
    architecture: Architecture = ARM64


BOARDS = {
    "pi3": Board("Raspberry Pi 3 Model B Rev 1.2", "cortex-a53", "0xd03", "0x0", 4, BASE, "a02082", 1_200_000),
    "pi4": Board("Raspberry Pi 4 Model B Rev 1.1", "cortex-a72", "0xd08", "0x0", 3, BASE, "c03111", 1_500_000),
    "pi5": Board("Raspberry Pi 5 Model B Rev 1.0", "cortex-a76", "0xd0b", "0x4", 1, PI5, "d04170", 2_400_000),
    # The 32-bit system that many boards still carry.
    "pi4-32": Board("Raspberry Pi 4 Model B Rev 1.1", "max", "0xd08", "0x0", 3, BITS_32, "c03111", 1_500_000, ARMHF),
    # Promises dot products that its processor lacks: an interpreter dies of SIGILL.
    "liar": Board("Raspberry Pi 5 Model B Rev 1.0", "cortex-a72", "0xd0b", "0x4", 1, PI5, "d04170", 2_400_000),
}


def cpuinfo(board: Board) -> str:
    """What /proc/cpuinfo reads; interpreters choose their kernels by it."""
    return "".join(CPUINFO.format(core=core, board=board) for core in range(CORES)) + TAIL.format(board=board)


def write_sysfs(folder: Path, board: Board) -> None:
    """Write the files of /sys that edgekit and the interpreters read."""
    files = {
        "firmware/devicetree/base/model": f"{board.model}\0",
        "class/thermal/thermal_zone0/temp": "45277\n",
        "class/thermal/thermal_zone0/type": "cpu-thermal\n",
        "devices/system/cpu/kernel_max": f"{CORES - 1}\n",
    }
    files.update({f"devices/system/cpu/{name}": f"0-{CORES - 1}\n" for name in ("possible", "present", "online")})
    for core in range(CORES):
        files.update(_core_files(f"devices/system/cpu/cpu{core}", core, board))
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _core_files(folder: str, core: int, board: Board) -> dict[str, str]:
    return {
        f"{folder}/cpufreq/scaling_cur_freq": f"{board.clock_khz}\n",
        f"{folder}/cpufreq/cpuinfo_max_freq": f"{board.clock_khz}\n",
        f"{folder}/cpufreq/scaling_governor": "ondemand\n",
        f"{folder}/topology/core_id": f"{core}\n",
        f"{folder}/topology/core_siblings_list": f"0-{CORES - 1}\n",
        f"{folder}/topology/physical_package_id": "0\n",
    }
