"""edgekit_runtime.child: whatever a child does, the caller gets an answer or one clear error, and no process stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from edgekit_runtime.child import Child, ChildError, UnexpectedError, resident_bytes
from edgekit_runtime.errors import ModelError

HANDLERS = """
import os, signal, subprocess, sys, time
from edgekit_runtime.child import serve
from edgekit_runtime.errors import ModelError

def echo(payload, report):
    return payload

def count(payload, report):
    for done in range(payload["to"]):
        report({"done": done})
    return {"done": payload["to"]}

def noise(payload, report):
    print("a print")
    sys.stdout.write("a write\\n")
    os.system("echo a program; cat")  # cat ends at once only if it does not read our calls
    os.write(1, b"a raw write\\n")
    return payload

def refuse(payload, report):
    raise ModelError("m.tflite: cut short.", hint="Copy it again.")

def fail(payload, report):
    return {"a": 1 / 0}

def bad_answer(payload, report):
    return {"a": object()}

def die(payload, report):
    print("Fatal: about to die", file=sys.stderr, flush=True)
    os.kill(os.getpid(), getattr(signal, payload["signal"]))

def leave(payload, report):
    sys.exit(payload["status"])

def hang(payload, report):
    time.sleep(600)

def chatter(payload, report):
    while True:
        report({"done": 0})

def grow(payload, report):
    held = bytearray(payload["bytes"])
    for i in range(0, len(held), 4096):
        held[i] = 1
    time.sleep(600)

def breed(payload, report):
    heir = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    return {"pid": heir.pid}

def breed_and_die(payload, report):
    if os.fork() == 0:
        time.sleep(600)  # holds every pipe of ours open
    os.kill(os.getpid(), signal.SIGSEGV)

def shout(payload, report):
    for i in range(payload["lines"]):
        print(i, "x" * 100, file=sys.stderr)
    return {}

def path(payload, report):
    return {"path": sys.path, "cwd": os.getcwd()}

serve({name: value for name, value in globals().items() if callable(value)})
"""

needs_proc = pytest.mark.skipif(resident_bytes(os.getpid()) is None, reason="this system does not tell a process's RSS")


def child(script: str = HANDLERS, **options: object) -> Child:
    return Child([sys.executable, "-c", script], stage="loading the model", **options)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def assert_ends(pid: int) -> None:
    deadline = time.monotonic() + 20
    while is_alive(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.01)


@contextmanager
def no_process_left() -> Iterator[None]:
    before = children_of(os.getpid())
    yield
    assert children_of(os.getpid()) <= before


def children_of(pid: int) -> set[int]:
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended meanwhile
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.add(int(stat.parent.name))
    return found


def test_a_call_gets_its_answer():
    with no_process_left(), child() as process:
        assert process.call("echo", {"text": "Größe", "rows": [1, 2.5, None]}) == {
            "text": "Größe",
            "rows": [1, 2.5, None],
        }
        assert process.call("echo", {}) == {}


def test_progress_arrives_in_order_before_the_answer():
    seen: list[int] = []
    with child() as process:
        assert process.call("count", {"to": 5}, on_progress=lambda p: seen.append(p["done"])) == {"done": 5}
    assert seen == [0, 1, 2, 3, 4]


def test_what_handlers_and_their_programs_print_is_log_and_never_an_answer():
    with child() as process:
        assert process.call("noise", {"a": 1}, timeout_s=30) == {"a": 1}
        assert process.call("echo", {"a": 2}) == {"a": 2}
    for text in ("a print", "a write", "a program", "a raw write"):
        assert text in process.log


def test_what_an_import_prints_before_the_child_is_ready_is_log():
    script = "print('a banner'); print(12); print('{}', end='\\n')" + HANDLERS
    with child(script) as process:
        assert process.call("echo", {"a": 1}) == {"a": 1}
    assert "a banner" in process.log


def test_an_error_raised_on_purpose_crosses_with_its_kind_and_hint():
    with child() as process:
        with pytest.raises(ModelError) as caught:
            process.call("refuse", {})
        assert (caught.value.message, caught.value.hint) == ("m.tflite: cut short.", "Copy it again.")
        assert process.call("echo", {"a": 1}) == {"a": 1}


@pytest.mark.parametrize(
    ("name", "text"), [("fail", "ZeroDivisionError"), ("bad_answer", "TypeError"), ("missing", "KeyError")]
)
def test_a_bug_crosses_as_its_traceback(name, text):
    with child() as process, pytest.raises(UnexpectedError, match=text):
        process.call(name, {})


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGKILL", "SIGTERM"])
def test_a_child_killed_by_a_signal_names_stage_signal_and_last_words(name):
    with no_process_left(), child() as process:
        with pytest.raises(ChildError, match=f"^calibrating: the process was ended by {name}") as caught:
            process.call("die", {"signal": name}, stage="calibrating")
        assert "Its last words: Fatal: about to die" in caught.value.message
        assert "Fatal: about to die" in caught.value.log
        assert ("memory" in caught.value.hint) == (name == "SIGKILL")


def test_a_child_that_leaves_tells_its_status():
    with child() as process, pytest.raises(ChildError, match="loading the model: the process ended with status 7"):
        process.call("leave", {"status": 7})


def test_each_call_to_a_dead_child_fails():
    with child() as process:
        for _ in range(3):
            with pytest.raises(ChildError, match="SIGSEGV"):
                process.call("die", {"signal": "SIGSEGV"}, timeout_s=30)


def test_a_child_that_cannot_start_shows_why():
    with child("import no_such_library") as process, pytest.raises(ChildError, match="No module named"):
        process.call("echo", {})


@pytest.mark.parametrize("name", ["hang", "chatter"])
def test_a_call_without_an_answer_ends_at_its_deadline(name):
    with no_process_left(), child() as process:
        process.call("echo", {})
        with pytest.raises(ChildError, match=r"loading the model: no answer within 0\.3 s"):
            process.call(name, {}, timeout_s=0.3)


@needs_proc
def test_a_child_beyond_its_memory_limit_is_ended():
    with no_process_left(), child(memory_limit_bytes=128 << 20) as process:
        assert process.call("echo", {"a": 1}) == {"a": 1}
        with pytest.raises(ChildError, match=r"MiB of memory; allowed: 128 MiB\.") as caught:
            process.call("grow", {"bytes": 256 << 20}, timeout_s=60)
        assert "--memory-limit" in caught.value.hint


@needs_proc
def test_closing_ends_what_the_child_started():
    with child() as process:
        heir = process.call("breed", {})["pid"]
        assert is_alive(heir)
    assert_ends(heir)


@needs_proc
def test_a_dead_child_is_told_although_its_own_child_holds_the_pipes():
    with no_process_left(), child() as process, pytest.raises(ChildError, match="SIGSEGV"):
        process.call("breed_and_die", {}, timeout_s=30)


@needs_proc
def test_a_child_and_its_own_children_end_when_the_parent_is_killed(tmp_path):
    (tmp_path / "handlers.py").write_text(HANDLERS)
    parent = f"""
import os, signal, sys
from edgekit_runtime.child import Child
process = Child([sys.executable, {str(tmp_path / "handlers.py")!r}], stage="")
print(process.call("breed", {{}})["pid"], process._process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", parent], capture_output=True, text=True, check=False, env=env)
    assert done.returncode == -signal.SIGKILL, done.stderr
    for pid in map(int, done.stdout.split()):
        assert_ends(pid)


def test_closing_twice_and_without_a_call_is_quiet():
    with no_process_left():
        process = child()
        process.close()
        process.close()


def test_closing_ends_a_busy_child():
    with no_process_left(), child() as process, pytest.raises(ZeroDivisionError):
        process.call("count", {"to": 10_000_000}, on_progress=lambda _: 1 // 0)


def test_the_log_keeps_its_end():
    lines: list[str] = []
    with child(on_log=lines.append) as process:
        process.call("shout", {"lines": 2000})
        process.call("echo", {})
    assert process.log.splitlines()[-1].startswith("1999 ")
    assert len(process.log) <= 64 * 1024
    assert len(lines) == 2000


def test_a_child_finds_the_same_modules_in_the_same_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "json.py").write_text("raise SystemExit('the user has a file of that name')")
    with child() as process:
        answer = process.call("path", {})
    assert answer["cwd"] == str(tmp_path)
    assert [path for path in sys.path if path] == answer["path"][: len([path for path in sys.path if path])]
