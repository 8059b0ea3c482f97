"""The options that describe a trunk, and the updates that they make; shared by `numbers import` and `sip set`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypedDict

import click

from telephony_core.cli.parameters import together
from telephony_core.cli.parameters.password import password_option
from telephony_core.domain.sip import InboundUpdate, MediaEncryption, OutboundUpdate
from telephony_core.errors import InvalidInput, instead_of
from telephony_core.text.reading import parse_json

if TYPE_CHECKING:
    from pydantic import SecretStr

# UNKNOWN is for reading alone.
_ENCRYPTION: Final = click.Choice([word.value for word in MediaEncryption if word is not MediaEncryption.UNKNOWN])


_INBOUND: Final = {
    "allowed_addresses": "--allow-address",
    "allow_any": "--allow-any",
    "media_encryption": "--inbound-encryption",
}
_OUTBOUND: Final = {
    "address": "--address",
    "username": "--username",
    "password": "--password",
    "media_encryption": "--outbound-encryption",
}


class TrunkGiven(TypedDict):
    """The values of `trunk_options`."""

    address: str | None
    username: str | None
    password: str | None
    outbound_encryption: str | None
    allow_address: tuple[str, ...]
    allow_any: bool
    inbound_encryption: str | None
    options: tuple[str, ...]


trunk_options: Final = together(
    click.option("--address", metavar="HOST[:PORT]|URI", help="Where outbound calls go."),
    click.option("--username", metavar="NAME", help="Digest user of outbound calls."),
    password_option,
    click.option("--outbound-encryption", type=_ENCRYPTION, help="SRTP on outbound calls."),
    click.option(
        "--allow-address",
        multiple=True,
        metavar="CIDR",
        help="Who may send calls in. Repeat it; the whole list is replaced.",
    ),
    click.option("--allow-any", is_flag=True, help="Let everybody send calls in, also by giving no list."),
    click.option("--inbound-encryption", type=_ENCRYPTION, help="SRTP on inbound calls."),
    click.option(
        "--option",
        "options",
        multiple=True,
        metavar="PROVIDER.KEY=VALUE",
        help="A setting that only this provider has; VALUE is read as JSON, or else as text.",
    ),
)
"""The settings of a trunk."""


def inbound_update(given: TrunkGiven, cleared: Sequence[str] = ()) -> InboundUpdate | None:
    """The inbound half of a change; ``None`` when nothing of it was given. Raises `InvalidInput` by its options."""
    fields: dict[str, Any] = dict.fromkeys(cleared)
    # Without a list everybody may call in at some vendors, so clearing it needs the same consent as an empty one.
    if "allowed_addresses" in cleared:
        fields["allow_any"] = given["allow_any"]  # allows what having no list means
    elif given["allow_address"] or given["allow_any"]:
        fields |= {"allowed_addresses": given["allow_address"], "allow_any": given["allow_any"]}
    if given["inbound_encryption"] is not None:
        fields["media_encryption"] = given["inbound_encryption"]
    with instead_of(InvalidInput, lambda error: _by_options(error, _INBOUND)):
        return InboundUpdate(**fields) if fields else None


def outbound_update(
    given: TrunkGiven, password: SecretStr | None, cleared: Sequence[str] = ()
) -> OutboundUpdate | None:
    """The outbound half of a change; ``None`` when nothing of it was given. Raises `InvalidInput` by its options."""
    wanted = {
        "address": given["address"],
        "username": given["username"],
        "password": password,
        "media_encryption": given["outbound_encryption"],
    }
    fields: dict[str, Any] = dict.fromkeys(cleared)
    fields |= {name: value for name, value in wanted.items() if value is not None}
    with instead_of(InvalidInput, lambda error: _by_options(error, _OUTBOUND)):
        return OutboundUpdate(**fields) if fields else None


def _by_options(error: InvalidInput, options: Mapping[str, str]) -> InvalidInput:
    """The same in the words that were typed: people here know options, and no fields of models."""
    faults = tuple((options.get(place.partition(".")[0], place), text) for place, text in error.faults)
    text = "; ".join(": ".join(filter(None, fault)) for fault in faults) or error.message
    named = InvalidInput(text, remedy=error.remedy)
    named.faults = faults
    return named


def vendor_options(texts: Sequence[str], provider: str) -> Mapping[str, Mapping[str, Any]]:
    """The options of ``--option``. Raises `click.UsageError` for another provider's, which core would ignore."""
    options: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        slug, dot, key = name.partition(".")
        if not (equals and dot and slug and key):
            raise click.UsageError("an option is written as PROVIDER.KEY=VALUE, such as vox.no_authentication=true")
        # A slip of the account: the option was written for another one.
        if slug != provider:
            raise click.UsageError(f"an option of {slug!r} means nothing to {provider}, whose connection this is")
        try:
            # `true` and `7` are what they look like, and everything that is no JSON is text.
            options[key] = parse_json(value)
        except ValueError:
            options[key] = value
    return {provider: options} if options else {}
