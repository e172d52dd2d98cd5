"""A finished model file as a graph that no framework is needed to read: operators, tensors, what they cost."""
