"""From a trained model to the file a device runs."""
