"""A device over a connection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from edgekit_devices.device import Completed, DeviceInfo
from edgekit_devices.files import checksums, list_tree, send_files
from edgekit_devices.session import SPARE_S, Session
from edgekit_devices.transport import Transport
from edgekit_runtime.codec import FormatError, decode
from edgekit_runtime.errors import DeviceError, OutputError
from edgekit_runtime.progress import Progress, silent


class RemoteDevice:
    """A device over a connection; files lie there by checksum, and scratch files go with the connection.

    Args:
        transport: The way to it.
        python: The Python there.

    Raises:
        DeviceError: It cannot be reached, or has no Python that will do.
    """

    def __init__(self, transport: Transport, python: str = "python3") -> None:
        self.python = python
        self.session = Session(transport, python)
        self._info: DeviceInfo | None = None

    @property
    def address(self) -> str:
        """How the user names it."""
        return self.session.address

    def probe(self) -> DeviceInfo:
        """Ask the device what it is; it is asked once.

        Raises:
            DeviceError: It does not answer.
        """
        if self._info is None:
            try:
                self._info = decode(DeviceInfo, self.session.call("survey"))
            except FormatError as error:
                raise DeviceError(f"{self.address}: the probe's answer cannot be read: {error}.") from error
        return self._info

    def push(self, source: Path, name: str, progress: Progress = silent) -> str:
        """Bring a file or folder there for as long as the connection lives.

        Raises:
            ModelError: A file cannot be read.
            DeviceError: There is no room, or the connection breaks.
        """
        files = list_tree(source)
        send_files(self.session, files, f"send {name}", progress)
        return str(self.session.call("scratch", {"name": name, "files": checksums(files)})["path"])

    def run(
        self, argv: Sequence[str], *, timeout_s: float, on_stderr: Callable[[str], None] | None = None
    ) -> Completed:
        """Run a command there; its end, the end of its time and the end of the connection end all it started.

        Raises:
            DeviceError: It cannot be started, does not end in time, or the connection breaks.
        """
        asked = {"argv": list(argv), "timeout_s": timeout_s}
        told = self.session.call("run", asked, timeout_s=timeout_s + SPARE_S, on_line=on_stderr or _ignore)
        return Completed(tuple(argv), int(told["status"]), str(told["stdout"]), str(told["stderr"]))

    def pull(self, path: str, target: Path) -> None:
        """Bring a file from there.

        Raises:
            DeviceError: It is not there, or the connection breaks.
            OutputError: It cannot be written here.
        """
        partial = target.with_name(f".{target.name}.partial")
        try:
            with open(partial, "wb") as file:
                self.session.call("get", {"path": path}, on_data=file.write)
            partial.replace(target)
        except OSError as error:
            raise OutputError(f"{target}: cannot be written: {error.strerror}.") from error
        finally:
            partial.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the connection."""
        self.session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _ignore(line: str) -> None:  # the face of a listener
    pass
