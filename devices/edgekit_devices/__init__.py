"""How to reach a device."""
