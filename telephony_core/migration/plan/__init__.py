"""What will be done, as a file to approve; how it is made and what it allows."""
