"""From what the user asked for to a bundle."""
