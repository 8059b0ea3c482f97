"""The digest credentials of a trunk, held so that no print, dump or error shows the password."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import SecretStr, field_validator

from telephony_core.domain.input_model import InputModel
from telephony_core.errors import InvalidInput
from telephony_core.secrets.unusable import fault_of


class TrunkCredentials(InputModel):
    """User name and password of a trunk, both or neither.

    The password is hashed as UTF-8 and is neither trimmed nor normalised. One that cannot be meant is refused, as that
    of a trunk is (`OutboundUpdate`): a mask, or what holds characters that cannot be seen. Raises `InvalidInput`, which
    never repeats what it refused.
    """

    username: str
    password: SecretStr

    if TYPE_CHECKING:

        def __init__(self, *, username: str, password: SecretStr | str) -> None: ...

    @field_validator("username")
    @classmethod
    def _digest_user(cls, value: str) -> str:
        if not value:
            raise ValueError("is empty")
        # A colon separates the parts that digest authentication hashes (RFC 7616 §3.4.2).
        if ":" in value or not value.isprintable():
            raise ValueError("may hold neither a colon nor control characters (it is hashed into the digest)")
        return value

    @field_validator("password")
    @classmethod
    def _usable(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value():
            raise ValueError("is empty; leave the credentials out if the trunk has none")
        # A mask would be shown to the server as a wrong password, which locks accounts.
        if (fault := fault_of(value.get_secret_value())) is not None:
            raise InvalidInput(fault.says, remedy=fault.remedy)
        return value
