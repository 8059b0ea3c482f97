"""`telephony sip …`: the trunk of a number."""

import click

from telephony_core.cli.options import group

command: click.Group = group(__name__, "Show, change and check the trunk of a number.", ("show", "set", "check"))
