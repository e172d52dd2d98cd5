"""Prepare every picture of a folder with Pillow and numpy alone.

bare_pictures.py ANSWER.json FOLDER
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

paths = sorted(Path(sys.argv[2]).rglob("*.jpg"))
kept = None
began = time.process_time()
for path in paths:
    with Image.open(path) as picture:
        resized = picture.convert("RGB").resize((224, 224), Image.Resampling.BILINEAR)
    kept = np.asarray(resized, np.float32)
Path(sys.argv[1]).write_text(json.dumps({"cpu_s": time.process_time() - began}), encoding="utf-8")
