"""What sends: backends, retry, pacing, and the two drivers that run a flow."""
