"""Passwords and keys: where they come from, what they may not hold, how they stay out of all that is shown."""
