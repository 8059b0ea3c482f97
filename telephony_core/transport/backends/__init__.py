"""The HTTP libraries that can send, each behind the same two methods."""
