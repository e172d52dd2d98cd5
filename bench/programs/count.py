"""Run a program and count it with all its descendants.

count.py ANSWER.json PROGRAM ARGUMENTS
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>


def main() -> int:
    """Run the program, then wait for whatever it left behind."""
    # A descendant whose parent died first comes to us, so that it is waited for and counted, too.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    began = time.perf_counter()
    status = subprocess.call(sys.argv[2:], stdin=subprocess.DEVNULL)
    wall_s = time.perf_counter() - began
    while True:
        try:
            os.wait()
        except ChildProcessError:
            break
    used = resource.getrusage(resource.RUSAGE_CHILDREN)  # of all descendants that were waited for, by us or by others
    answer = {"wall_s": wall_s, "cpu_s": used.ru_utime + used.ru_stime, "peak_rss_bytes": used.ru_maxrss * 1024}
    Path(sys.argv[1]).write_text(json.dumps(answer), encoding="utf-8")
    return status


sys.exit(main())
