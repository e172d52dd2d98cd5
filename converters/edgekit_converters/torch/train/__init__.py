"""Training of PyTorch modules: one step, the loss in torch's tensors, attention maps, a new head."""
