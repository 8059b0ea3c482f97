"""The work on a plan in pieces, for workers on several machines."""
