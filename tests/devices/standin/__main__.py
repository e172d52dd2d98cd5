"""Start a stand-in by hand, until Ctrl-C: `python -m tests.devices.standin [pi3|pi4|pi5|liar]`."""

from __future__ import annotations

import signal
import sys

from tests.devices.standin.server import run_standin

with run_standin(*sys.argv[1:2]) as standin:
    print(f"ssh -F {standin.config} pi@board", flush=True)
    signal.sigwait({signal.SIGINT, signal.SIGTERM})
