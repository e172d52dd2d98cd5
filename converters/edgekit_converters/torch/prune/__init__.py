"""Take channels and heads out of a PyTorch module."""
