"""What a model will cost on a target, before anything was measured there."""
