"""Files of sysfs that are changed for a while, and put back even where the process that changed them is killed."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

READY = b"ready\n"
WAIT_S = 10.0
# It waits for the end of its stdin, which comes with the end of the process that holds the other end, however it ends.
GUARD = """
import json, signal, sys
for name in ("SIGINT", "SIGTERM", "SIGHUP"):
    signal.signal(getattr(signal, name), signal.SIG_IGN)
files = json.loads(sys.stdin.readline())
sys.stdout.write("ready\\n")
sys.stdout.flush()
sys.stdin.read()
for path, text in files:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
"""


@contextmanager
def put_back(paths: Sequence[Path]) -> Iterator[None]:
    """Write what files hold now back into them at the end of the block.

    A process in a session of its own does it: it is told what they hold, and writes it back when this process leaves
    the block or is gone, be it killed. A restart of the device, which it does not outlive, resets sysfs by itself.

    Args:
        paths: The files, in the order in which they are written back.

    Raises:
        OSError: A file cannot be read or written back, or that process cannot be started.
    """
    before = [(str(path), path.read_text(encoding="ascii")) for path in paths]
    guard = subprocess.Popen(
        [sys.executable, "-I", "-c", GUARD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _tell(guard, before)
        yield
    finally:
        if not _ended_well(guard):
            for name, text in before:
                Path(name).write_text(text, encoding="ascii")


def _tell(guard: subprocess.Popen[bytes], before: Sequence[tuple[str, str]]) -> None:
    assert guard.stdin is not None
    assert guard.stdout is not None
    with suppress(BrokenPipeError):  # it has ended already, and says nothing
        guard.stdin.write(json.dumps(before).encode() + b"\n")
        guard.stdin.flush()
    if guard.stdout.readline() != READY:
        raise ChildProcessError(errno.ECHILD, "no process that would put it back could be started", sys.executable)


def _ended_well(guard: subprocess.Popen[bytes]) -> bool:
    """Whether it wrote the files back, once its stdin is closed."""
    with guard:  # closes its stdin and stdout, and waits
        assert guard.stdin is not None
        with suppress(BrokenPipeError):
            guard.stdin.close()
        try:
            return guard.wait(WAIT_S) == 0
        except subprocess.TimeoutExpired:
            guard.kill()
            return False
