"""Static INT8 quantization of a float `.tflite`: ranges, the file, and where precision went."""
