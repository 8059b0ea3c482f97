"""What an account holds, as a file, and what changed between two of them."""
