"""What only the function `collect` needs."""
