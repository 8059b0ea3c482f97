"""`telephony rollback`: for a plan of any kind; `telephony migrate rollback` is the same command."""

from telephony_core.cli.commands.migrate.rollback import command

__all__ = ["command"]
