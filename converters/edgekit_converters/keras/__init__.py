"""Keras models; the only importer of TensorFlow and Keras."""
