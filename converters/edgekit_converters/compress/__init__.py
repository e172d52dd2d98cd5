"""Smaller networks: pruning, training, distillation and transfer, whatever framework the model lives in."""
