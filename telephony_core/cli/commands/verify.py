"""`telephony verify`: for a plan of any kind; `telephony migrate verify` is the same command."""

from telephony_core.cli.commands.migrate.verify import command

__all__ = ["command"]
