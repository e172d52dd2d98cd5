"""Finished `.tflite` files as sources: run, bundled, quantized where they are float; no framework is needed."""
