"""`telephony agents …`: the agents of a number."""

from telephony_core.cli.options import group

command = group(__name__, "Assign agents to a number.", ("assign",))
