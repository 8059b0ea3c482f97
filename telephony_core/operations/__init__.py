"""What core does around every adapter: it validates, checks identity, reconciles lost answers."""
