"""Structured pruning of Keras 3 models, on a dependency graph of their layers."""
