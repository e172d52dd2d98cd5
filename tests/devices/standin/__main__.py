"""Start a stand-in by hand, until Ctrl-C: `python -m tests.devices.standin [pi3|pi4|pi5|liar]`."""

from __future__ import annotations

import contextlib
import signal
import sys

from tests.devices.standin.server import run_standin

signal.signal(signal.SIGTERM, signal.default_int_handler)
with contextlib.suppress(KeyboardInterrupt), run_standin(*sys.argv[1:2]) as standin:
    print(f"ssh -F {standin.config} pi@board", flush=True)
    signal.pause()
