"""`telephony sip …`: the trunk of a number."""

from telephony_core.cli.options import group

command = group(__name__, "Show, change and check the trunk of a number.", ("show", "set", "check"))
