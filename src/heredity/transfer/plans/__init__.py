"""What a transfer does and what it is worth, as data."""
