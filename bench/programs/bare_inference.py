"""The interpreter alone.

bare_inference.py MODEL.tflite INPUT.npy COUNT
"""

from __future__ import annotations

import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter

interpreter = Interpreter(model_path=sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.load(sys.argv[2]))
for _ in range(int(sys.argv[3])):
    interpreter.invoke()
