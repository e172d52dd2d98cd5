"""The ONNX quantization session's child process."""

from __future__ import annotations

from edgekit_converters.onnx.quantize.session import on_quantize
from edgekit_runtime.child import serve

serve({"quantize": on_quantize})
