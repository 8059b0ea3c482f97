"""The file in which an operator says what only a person knows, and its draft."""
