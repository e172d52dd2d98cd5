"""Reports, their comparison, the gate on it, and how they are shown."""
