"""What each family of accelerators demands of each operator."""
