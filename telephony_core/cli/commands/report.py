"""`telephony report`: for a plan of any kind; `telephony migrate report` is the same command."""

from telephony_core.cli.commands.migrate.report import command

__all__ = ["command"]
