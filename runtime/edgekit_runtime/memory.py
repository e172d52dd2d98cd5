"""The memory a model takes, from the kernel's own high-water mark of one process."""

from __future__ import annotations

from edgekit_runtime.runs import MemoryReading

METHOD = "VmHWM after reset through clear_refs"
RESET_PEAK = "5"  # proc(5), /proc/pid/clear_refs: lower the high-water mark to what is resident now


class PeakMeter:
    """Reads the highest resident memory of this process since the meter was made.

    The mark is the kernel's, so that no sampling can miss a short peak.

    Args:
        process: The process's folder in procfs.
    """

    def __init__(self, process: str = "/proc/self") -> None:
        self._status = f"{process}/status"
        self._baseline_bytes = 0
        self._reason = ""
        try:
            with open(f"{process}/clear_refs", "w", encoding="ascii") as file:
                file.write(RESET_PEAK)
            self._baseline_bytes = self._read("VmRSS")
        except (OSError, ValueError) as error:
            self._reason = f"the peak cannot be reset: {error}"

    def read(self) -> MemoryReading:
        """The reading so far, or the reason why there is none."""
        if self._reason:
            return MemoryReading(reason=self._reason)
        try:
            return MemoryReading(METHOD, self._baseline_bytes, self._read("VmHWM"), self._read("RssAnon"))
        except (OSError, ValueError) as error:
            return MemoryReading(reason=f"the peak cannot be read: {error}")

    def _read(self, field: str) -> int:
        with open(self._status, encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith(f"{field}:"):
                    return int(line.split()[1]) * 1024
        raise ValueError(f"{self._status} has no {field}")
