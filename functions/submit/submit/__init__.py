"""What only the function `submit` needs."""
