"""PyTorch: the only sub-package that imports torch and litert_torch."""
