"""ONNX files: as sources, as what other frameworks export, and quantized by onnxruntime."""
