"""edgekit: a trained model to an edge device, and the truth about how it runs there."""
