"""`telephony apply`: for a plan of any kind; `telephony migrate apply` is the same command."""

from telephony_core.cli.commands.migrate.apply import command

__all__ = ["command"]
