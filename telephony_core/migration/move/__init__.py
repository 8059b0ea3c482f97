"""The move of one number, whole: `steps` from top to bottom, its states in `state`, what it asks for in `effects`."""
