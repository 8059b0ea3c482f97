"""All that the author of an adapter imports: the port, declarations, flows, reading answers, the registry."""
