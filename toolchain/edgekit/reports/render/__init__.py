"""Showing reports and comparisons: to people on a terminal, to machines as JSON."""
