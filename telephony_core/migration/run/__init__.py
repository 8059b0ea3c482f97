"""Runs over a whole plan: apply and verify, who sends, and when a run stops."""
