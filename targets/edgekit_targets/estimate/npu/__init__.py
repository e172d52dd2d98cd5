"""What an accelerator has to do for a model, and how long that takes by its profile's figures."""
