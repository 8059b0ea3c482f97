"""`telephony agents …`: the agents of a number."""

import click

from telephony_core.cli.options import group

command: click.Group = group(__name__, "Assign agents to a number.", ("assign",))
