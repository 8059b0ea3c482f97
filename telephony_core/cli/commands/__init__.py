"""The commands, one file to each."""
