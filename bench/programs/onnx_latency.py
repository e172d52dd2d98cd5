"""The median latency of an .onnx file under onnxruntime, one thread: ANSWER.json MODEL.onnx COUNT."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np
import onnxruntime

WARM_UP = 20

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[2], options, providers=["CPUExecutionProvider"])
feeds = {node.name: np.zeros(node.shape, np.float32) for node in session.get_inputs()}
times_ms = []
for number in range(WARM_UP + int(sys.argv[3])):
    began = time.perf_counter()
    session.run(None, feeds)
    if number >= WARM_UP:
        times_ms.append(1e3 * (time.perf_counter() - began))
Path(sys.argv[1]).write_text(json.dumps({"median_ms": median(times_ms)}), encoding="utf-8")
