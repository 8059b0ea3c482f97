"""Where a password comes from: a reference, a prompt or stdin, and never the command line itself.

Arguments are seen by every user of the machine, and stay in the shell's history.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from telephony_core.cli import prompts
from telephony_core.errors import ConfigurationError
from telephony_core.secrets.references import SecretBytes, decoded_secret, is_reference, read_secret

if TYPE_CHECKING:
    from pydantic import SecretStr

    from telephony_core.cli.session import Session

STDIN: Final = "-"


def _reference(ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """Lets references through, and refuses anything else without repeating it."""
    # The text is not repeated in the error: it is most likely the password itself.
    if value is None or value == STDIN or is_reference(value):
        return value
    raise click.UsageError(
        "a password is never given as an argument, where others can read it; say env:NAME, file:PATH, prompt:, or - "
        "for stdin",
        ctx,
    )


password_option: Final = click.option(
    "--password",
    metavar="REF",
    callback=_reference,
    help="Password of the trunk: env:NAME, file:PATH, prompt:, or - for stdin; never the password itself.",
)


def read_password(reference: str | None, session: Session) -> SecretStr | None:
    """What a reference leads to. Raises `ConfigurationError` when there is nothing there."""
    if reference is None:
        return None
    what = "SIP password"
    if reference == STDIN:
        secret = _from_stdin(what)
    else:
        secret = read_secret(reference, what=what, prompt=prompts.secret if prompts.stdin_is_terminal() else None)
    # Before it is sent: an error may quote it back.
    session.secrets.add(secret.get_secret_value())
    return secret


def _from_stdin(what: str) -> SecretStr:
    if prompts.stdin_is_terminal():
        raise ConfigurationError(f"{what}: stdin is a terminal, which would show it", remedy="say prompt: instead")
    given = SecretBytes(prompts.stdin_bytes(what))
    return decoded_secret(given, what=what, source="stdin")
