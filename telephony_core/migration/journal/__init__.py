"""What was about to happen and what happened, on disk before anything goes on."""
