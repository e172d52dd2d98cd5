"""A connection that breaks: runs a command, and passes on what goes in and out until it is time; see `CutTransport`."""

import os
import signal
import subprocess
import sys
import threading

split = sys.argv.index("--")
options = dict(option.split("=", 1) for option in sys.argv[1:split])
limit = int(options["bytes"]) if "bytes" in options else None
call = f'"call": "{options["call"]}"'.encode() if "call" in options else None
process = subprocess.Popen(sys.argv[split + 1 :], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
lock = threading.Lock()
passed = [0]


def cut() -> None:
    if options["how"] == "kill":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        os.close(process.stdin.fileno())
        try:
            process.wait(timeout=20)  # the device ends what it started, once it sees the end
        except subprocess.TimeoutExpired:
            print("it did not end", file=sys.stderr)
    os._exit(255)


def count(piece: bytes) -> bytes:
    """What of a piece still passes."""
    with lock:
        left = len(piece) if limit is None else limit - passed[0]
        passed[0] += len(piece)
        return piece[: max(0, left)]


def pump(source: int, target: int) -> None:
    while piece := os.read(source, 4096):
        kept = count(piece)
        view = memoryview(kept)
        while view:
            view = view[os.write(target, view) :]
        if len(kept) < len(piece):
            cut()
        if call is not None and source == 0 and call in piece:
            threading.Timer(float(options["delay"]), cut).start()
    if source == 0:
        os.close(target)


upward = threading.Thread(target=pump, args=(0, process.stdin.fileno()), daemon=True)
upward.start()
pump(process.stdout.fileno(), 1)
if "count" in options:
    with open(options["count"], "w") as file:
        file.write(str(passed[0]))
sys.exit(process.wait())
