"""What one would write without edgekit.

straight_torch_conversion.py MODELS.py WEIGHTS.pt DATA.npz OUT.tflite
"""

from __future__ import annotations

import runpy
import sys

import litert_torch
import numpy as np
import torch
from ai_edge_quantizer import quantizer, recipe

model = runpy.run_path(sys.argv[1])["MobileNetV2"]()
model.load_state_dict(torch.load(sys.argv[2], weights_only=True))
samples = np.load(sys.argv[3])["x"].transpose(0, 2, 3, 1)
channels_last = litert_torch.to_channel_last_io(model.eval(), args=[0])
litert_torch.convert(channels_last, (torch.from_numpy(samples[:1]),)).export(sys.argv[4] + ".float")

engine = quantizer.Quantizer(sys.argv[4] + ".float", recipe.static_wi8_ai8())
ranges = engine.calibrate({"serving_default": [{"args_0": sample[None]} for sample in samples]})
engine.quantize(ranges).export_model(sys.argv[4])
