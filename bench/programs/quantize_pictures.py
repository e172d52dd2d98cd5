"""Calibrate and quantize the float model of a bundle on pictures of a folder.

quantize_pictures.py BUNDLE FOLDER SAMPLES OUT.tflite
"""

from __future__ import annotations

import sys
from pathlib import Path

from edgekit_converters.quantize.session import quantize
from edgekit_converters.settings import DataSettings, QuantizeSettings
from edgekit_converters.source import SourceInfo
from edgekit_runtime.bundle import open_bundle
from edgekit_runtime.progress import silent

with open_bundle(sys.argv[1]) as bundle:
    manifest = bundle.manifest
    inputs = tuple(binding.source for binding in manifest.inputs)
    info = SourceInfo(inputs, tuple(binding.source for binding in manifest.outputs), 0, ())
    data = DataSettings(sys.argv[2], int(sys.argv[3]), 0)
    settings = QuantizeSettings("int8", "int8", "int8")
    quantize(bundle.model_path, Path(sys.argv[4]), info, settings, data, progress=silent)
