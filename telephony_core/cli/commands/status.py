"""`telephony status`: for a plan of any kind; `telephony migrate status` is the same command."""

from telephony_core.cli.commands.migrate.status import command

__all__ = ["command"]
