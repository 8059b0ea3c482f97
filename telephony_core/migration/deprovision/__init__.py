"""Rollback and release: one procedure that releases records, with two rules of which."""
