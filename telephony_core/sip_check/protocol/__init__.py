"""SIP as far as a check speaks it: messages, digest, the transaction, a registration."""
