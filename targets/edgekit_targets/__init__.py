"""What devices can run: profiles."""
