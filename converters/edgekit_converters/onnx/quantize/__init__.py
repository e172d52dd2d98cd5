"""Quantization of float `.onnx` files: ranges, the file by onnxruntime's quantizer, and where precision went."""
