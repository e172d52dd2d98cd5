"""Power sensors of boards: each says whether it is here, what it covers, and why it cannot be read."""
