"""Which account serves a number, answered from memory, with the age of the answer."""
