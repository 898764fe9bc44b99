"""What only the function `dispatch` needs."""
