"""Let the runtime's measuring process measure a model once.

measuring_process.py ANSWER.json REQUEST.json
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from edgekit_runtime.child import Child
from edgekit_runtime.codec import decode
from edgekit_runtime.runs import Run
from edgekit_runtime.stats import quantile

ARGV = [sys.executable, "-m", "edgekit_runtime", "measure-process"]

request = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
with Child(ARGV, stage="measuring") as child:
    run = decode(Run, child.call("measure", request, timeout_s=120.0))
used = resource.getrusage(resource.RUSAGE_CHILDREN)
answer = {
    "p5_ns": quantile(run.latency_ns, 0.05),
    "p50_ns": quantile(run.latency_ns, 0.5),
    "warmups": 1 + len(run.warmup_ns),
    "samples": len(run.latency_ns),
    "cpu_s": used.ru_utime + used.ru_stime,
    "peak_rss_bytes": used.ru_maxrss * 1024,
}
Path(sys.argv[1]).write_text(json.dumps(answer), encoding="utf-8")
