"""Child processes: where models that may crash, hang or eat memory are opened.

The parent starts a child in a process group of its own and calls it; the child answers in
JSON lines. A child that dies, hangs or grows too large becomes one clear `ChildError`.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Mapping, Sequence
from typing import IO, Any, Callable, Optional

from edgekit_runtime.errors import EdgekitError, UserError, error_from_code, full_disk

LOG_CHARS = 64 * 1024
POLL_S = 0.1
SIGILL, SIGKILL = 4, 9
DEATH_HINTS = {
    -SIGILL: "It took an instruction that this processor lacks: take an interpreter that was built for it.",
    -SIGKILL: "The system may have run out of memory: close other programs, or take a larger machine.",
}

Payload = dict[str, Any]  # a JSON object; each session gives its calls typed faces
Report = Callable[[Payload], None]
Handler = Callable[[Payload, Report], Payload]


class ChildError(UserError):
    """A child process died, hung or grew too large.

    Attributes:
        log: The last lines that it wrote on stderr.
        ended_by: Number of the signal that ended it; 0 where none did.
    """

    code = "child"

    def __init__(self, message: str, *, hint: str = "", log: str = "", ended_by: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.log = log
        self.ended_by = ended_by


class UnexpectedError(Exception):
    """The child met an error that edgekit did not expect; the text is its traceback."""


class Child:
    """A running child process.

    Args:
        argv: The command; its process must call `serve`.
        stage: What the child does, for the user: "loading the model".
        memory_limit_bytes: Resident memory at which it is ended; `None` for no limit.
        on_log: Takes each line of its stderr as it comes.

    Use it as a context manager: leaving the block ends the whole process group.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        stage: str,
        memory_limit_bytes: Optional[int] = None,
        on_log: Optional[Callable[[str], None]] = None,
        env: Optional[Mapping[str, str]] = None,
    ) -> None:
        self.stage = stage
        self._limit = memory_limit_bytes
        self._on_log = on_log
        self._tail: deque[str] = deque()
        self._tail_chars = 0
        self._tail_lock = threading.Lock()
        self._ended = False
        self._answers: queue.Queue[Optional[str]] = queue.Queue()
        self._process = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            env=_environment(env),
        )
        self._threads = [
            threading.Thread(target=work, args=(stream,), daemon=True)
            for work, stream in ((self._read_answers, self._process.stdout), (self._read_log, self._process.stderr))
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(
        self,
        name: str,
        payload: Payload,
        *,
        timeout_s: Optional[float] = None,
        on_progress: Optional[Report] = None,
        stage: str = "",
    ) -> Payload:
        """Ask the child to do something, and wait for the answer.

        Args:
            name: Name of the handler.
            payload: What it takes.
            timeout_s: Seconds after which the child is ended; `None` waits for ever.
            on_progress: Takes each progress message.
            stage: What is being done, if it differs from the child's.

        Raises:
            EdgekitError: What the handler raised.
            ChildError: The child died, hung or grew too large.
            UnexpectedError: The handler failed in a way edgekit did not expect.
        """
        stage = stage or self.stage
        self._send({"call": name, "payload": payload})
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            answer = self._next_answer(stage, deadline, timeout_s)
            if "result" in answer:
                return dict(answer["result"])
            if "error" in answer:
                raise _rebuild(answer["error"])
            if on_progress is not None:
                on_progress(answer["progress"])
            self._watch(stage, deadline, timeout_s)

    def close(self) -> None:
        """End the child and everything that it started."""
        if self._process.poll() is None and self._process.stdin is not None:
            try:
                self._process.stdin.close()
                self._process.wait(timeout=1.0)
            except (OSError, subprocess.TimeoutExpired):
                pass
        self._kill()
        for thread in self._threads:
            thread.join(timeout=1.0)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    @property
    def log(self) -> str:
        """The last 64 Ki characters of its stderr."""
        with self._tail_lock:
            return "".join(self._tail)

    def _send(self, message: Payload) -> None:
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
        except (OSError, ValueError):
            pass  # a dead child shows in the answer's absence, with its exit status

    def _next_answer(self, stage: str, deadline: Optional[float], timeout_s: Optional[float]) -> Payload:
        while True:
            try:
                line = self._answers.get(timeout=POLL_S)
            except queue.Empty:
                self._watch(stage, deadline, timeout_s)
                continue
            if line is None:
                self._answers.put(None)  # the next call finds it, too
                raise self._death(stage)
            answer = _parse(line)
            if answer is not None:
                return answer
            self._keep(line)

    def _watch(self, stage: str, deadline: Optional[float], timeout_s: Optional[float]) -> None:
        if self._process.poll() is not None:
            self._kill()  # what it started may hold its pipes open; without it, their end is read next
        if deadline is not None and time.monotonic() > deadline:
            self._kill()
            raise ChildError(
                f"{stage}: no answer within {timeout_s:g} s, so it was ended.",
                hint="The model may never come to an end here, or the machine is too slow for it.",
                log=self.log,
            )
        rss = resident_bytes(self._process.pid) if self._limit is not None else None
        if rss is not None and self._limit is not None and rss > self._limit:
            self._kill()
            raise ChildError(
                f"{stage}: it took {rss >> 20} MiB of memory; allowed: {self._limit >> 20} MiB.",
                hint="Raise --memory-limit.",
                log=self.log,
            )

    def _death(self, stage: str) -> ChildError:
        with contextlib.suppress(subprocess.TimeoutExpired):  # it closed its answers, but may live on
            self._process.wait(timeout=1.0)
        status = self._kill()
        for thread in self._threads:
            thread.join(timeout=1.0)
        how = f"was ended by {_signal_name(-status)}" if status < 0 else f"ended with status {status}"
        lines = [line.strip() for line in self.log.splitlines() if line.strip()]
        last = f" Its last words: {lines[-1]}" if lines else ""
        return ChildError(
            f"{stage}: the process {how}.{last}",
            hint=DEATH_HINTS.get(status, ""),
            log=self.log,
            ended_by=max(0, -status),
        )

    def _kill(self) -> int:
        """End the whole group, once: later its number may be another's. Returns the child's exit status."""
        if self._ended:
            return self._process.wait()
        self._ended = True
        try:
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        except OSError:
            pass  # nobody is left
        return self._process.wait()

    def _read_answers(self, stream: IO[str]) -> None:
        for line in stream:
            self._answers.put(line)
        self._answers.put(None)

    def _read_log(self, stream: IO[str]) -> None:
        for line in stream:
            self._keep(line)

    def _keep(self, line: str) -> None:
        with self._tail_lock:
            self._tail.append(line[-LOG_CHARS:])
            self._tail_chars += len(self._tail[-1])
            while self._tail_chars > LOG_CHARS:
                self._tail_chars -= len(self._tail.popleft())
        if self._on_log is not None:
            self._on_log(line)


def serve(handlers: Mapping[str, Handler]) -> None:
    """Answer the parent's calls until it closes our stdin; runs in the child.

    What the handlers print goes to stderr: stdout carries nothing but answers.

    Args:
        handlers: From the name of a call to the function that answers it.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # what the handlers start must not read our calls
    sys.stdout = sys.stderr
    calls: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read_calls, args=(requests, calls), daemon=True).start()

    def say(kind: str, content: Payload) -> None:
        answers.write(json.dumps({kind: content}) + "\n")
        answers.flush()

    while True:
        message = json.loads(calls.get())
        try:
            result = handlers[message["call"]](message["payload"], lambda progress: say("progress", progress))
            say("result", result)
        except EdgekitError as error:
            say("error", {"code": error.code, "message": error.message, "hint": error.hint})
        except Exception as error:  # noqa: BLE001  # a bug must reach the parent as a traceback, not as silence
            full = full_disk(error)
            told = full or EdgekitError(traceback.format_exc())
            say("error", {"code": full.code if full else "bug", "message": told.message, "hint": told.hint})


def resident_bytes(pid: int) -> Optional[int]:
    """Resident memory of a process, where the system tells (Linux)."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


def _read_calls(requests: IO[str], calls: queue.Queue[str]) -> None:
    for line in requests:
        calls.put(line)
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)  # the parent is gone: nobody waits for what is under way
    os._exit(0)


def _environment(extra: Optional[Mapping[str, str]]) -> dict[str, str]:
    env = {**os.environ, **(extra or {})}
    env["PYTHONPATH"] = os.pathsep.join(path or os.getcwd() for path in sys.path)
    env["PYTHONSAFEPATH"] = "1"  # exactly our path: a user's numpy.py in the working folder is not imported
    return env


def _parse(line: str) -> Optional[Payload]:
    """An answer; `None` for what an import printed on stdout before `serve` took it over."""
    try:
        answer = json.loads(line)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) and answer.keys() & {"result", "error", "progress"} else None


def _rebuild(error: Mapping[str, str]) -> Exception:
    if error["code"] == "bug":
        return UnexpectedError(error["message"])
    return error_from_code(error["code"], error["message"], error["hint"])


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
