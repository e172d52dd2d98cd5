"""What runs on the device: bundles, interpreters, measuring."""
