"""What a plan may be told of digest credentials: a user name or a reference to one, and never a password."""

from __future__ import annotations

from collections.abc import Iterator

from telephony_core.domain.sip import OutboundUpdate
from telephony_core.errors import InvalidInput
from telephony_core.secrets.references import HOW_TO_REFER, is_reference, unwritable


def faults_of_credentials(username: str | None, password: str | None) -> Iterator[tuple[str, str, str]]:
    """Everything that is wrong with a user name and a reference to a password, each by itself: which of the two, what,
    and what to do. Holds no value."""
    if username is not None and not is_reference(username):
        try:
            OutboundUpdate(username=username)
        except InvalidInput as error:
            # The fault alone: the text of the error names a model that the author of a table or a command never wrote.
            yield "username", error.faults[0][1], "copy it once more, or write a reference to it"
    if password is not None and not is_reference(password):
        what = "this is not a reference to a secret, and no password is ever written down"
        yield "password", what, "write env:NAME, file:PATH or prompt:"
    for field, text in (("username", username), ("password", password)):
        if text is not None and is_reference(text) and (reason := unwritable(text)) is not None:
            yield field, reason, HOW_TO_REFER
