"""Prepare every picture of a folder with edgekit, as calibration does.

prepare_pictures.py ANSWER.json FOLDER
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from edgekit_converters.data.source import open_drawn
from edgekit_converters.settings import DataSettings
from edgekit_runtime.tensor import TensorSpec

INPUT = TensorSpec("picture", (-1, 224, 224, 3), "float32")
OUTPUT = TensorSpec("score", (-1, 1), "float32")

source, indexes = open_drawn(DataSettings(sys.argv[2], None, 0), (INPUT,), (OUTPUT,))
kept = None
began = time.process_time()
for sample in source.read(indexes):
    kept = sample
Path(sys.argv[1]).write_text(json.dumps({"cpu_s": time.process_time() - began}), encoding="utf-8")
