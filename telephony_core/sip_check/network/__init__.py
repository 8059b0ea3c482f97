"""From a name to a connection: DNS, UDP, TCP, TLS and its certificate."""
