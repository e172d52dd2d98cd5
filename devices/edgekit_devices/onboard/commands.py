"""Running a command on the device: it ends with its time, with the host, and with all that it started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from typing import AnyStr

from edgekit_devices.onboard.frames import CHUNK_BYTES, Frames, Payload, RefusedError, text_of

GRACE_S = 5.0  # to end its own children before it is killed
LOOK_S = 1.0


def run_command(frames: Frames, argv: Sequence[str], timeout_s: float) -> Payload:
    """Run a command to its end, and send each line that it writes on stderr as it comes.

    Raises:
        RefusedError: It cannot be started, or does not end in time.
        ClosedError: The host is gone; the command was ended.
    """
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise RefusedError(f"{argv[0]} cannot be started: {os.strerror(error.errno or 0).lower()}") from error
    try:
        written = _follow(frames, process, time.monotonic() + timeout_s)
    except TimeoutError:
        raise RefusedError(
            f"{os.path.basename(argv[0])} did not end within {timeout_s:g} s, so it was ended", "Give it more time."
        ) from None
    finally:
        end_group(process)
    return {"status": process.returncode, "stdout": text_of(written[0]), "stderr": text_of(written[1])}


def _follow(frames: Frames, process: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, bytes]:
    assert process.stdout is not None
    assert process.stderr is not None
    out, err = process.stdout.fileno(), process.stderr.fileno()
    written = {out: bytearray(), err: bytearray()}
    told, open_files = 0, [out, err]
    while open_files:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        ready = frames.watch(open_files, min(left, LOOK_S))
        if not ready and process.poll() is not None:
            break  # what it started may hold its pipes open
        for file in ready:
            piece = os.read(file, CHUNK_BYTES)
            written[file] += piece
            if not piece:
                open_files.remove(file)
        end = written[err].rfind(b"\n") + 1
        for line in bytes(written[err][told:end]).splitlines(keepends=True):
            frames.send({"line": text_of(line)})
        told = max(told, end)
    while process.poll() is None:
        if time.monotonic() > deadline:
            raise TimeoutError
        frames.watch([], 0.01)
    return bytes(written[out]), bytes(written[err])


def end_group(process: subprocess.Popen[AnyStr]) -> None:
    """End what is left of a process and of the group that it leads: politely, then by force."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if hasattr(os, "killpg"):  # Windows has no groups
        with contextlib.suppress(OSError):  # nobody is left
            os.killpg(process.pid, signal.SIGKILL)
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
