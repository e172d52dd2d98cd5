"""Training of Keras models: one step, the loss in TensorFlow's tensors, attention maps, a new head."""
