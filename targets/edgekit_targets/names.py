"""Names that profiles, rules and recipes share."""

from __future__ import annotations

from typing import Literal

Confidence = Literal["verified", "vendor", "estimated"]
"""How far a figure can be trusted.

`verified`: read from such a device or measured on it. `vendor`: its maker says so.
`estimated`: taken from a similar part, from a fit, or from memory.
"""

Feature = Literal["neon", "crc32", "fp16", "dotprod", "i8mm", "sve"]
"""Extensions of an Arm core that decide which kernels an interpreter may take."""

SchemeName = Literal["float32", "float16", "int8", "int8-dynamic", "int8-weight-only", "int16x8"]
"""Names of edgekit's quantization schemes."""

NpuFamily = Literal["ethos-u", "edgetpu", "rockchip", "hexagon", "hailo", "neutron"]
"""Accelerators that share a compiler and its rules."""

NpuDtype = Literal["int8", "uint8", "int16", "float16"]
"""Types of the activations that an accelerator computes in."""

ModelFormat = Literal["tflite", "onnx"]
"""Formats of finished model files."""
