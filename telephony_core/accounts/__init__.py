"""Which accounts there are, and with which key each is opened."""
