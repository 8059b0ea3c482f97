"""The move of one number: its states, what it asks for, its steps, and how records are compared."""
