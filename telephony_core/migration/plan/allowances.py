"""The names by which a loss or a side effect of a migration is allowed, one by one and never in bulk."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Self

from telephony_core.errors import InvalidInput, instead_of


class Allowance(StrEnum):
    """What ``--allow NAME`` takes. A setting that could not be read at the source counts as lost."""

    sentence: str
    """What it means, of several numbers, for whoever approves it."""

    def __new__(cls, name: str, sentence: str = "") -> Self:  # the default is for `Allowance(name)`, which looks it up
        allowance = str.__new__(cls, name)
        allowance._value_, allowance.sentence = name, sentence
        return allowance

    LOST_ALLOW_LIST = "lost_allow_list", "lose the list of who may call in"
    """The allow-list of a number is lost."""
    LOST_RESTRICTION = "lost_restriction", "lose a setting that may restrict or route calls"
    """A setting that restricts or routes calls and has no field here is lost: countries, callers, a fallback number."""
    ANY_CALLER = "any_caller", "may be called by everybody, or by a large share of the internet"
    """The trunk is open, to everybody or to a large share of the internet: by its list, or because it has none."""
    INBOUND_MEDIA_ENCRYPTION = "inbound_media_encryption", "may lose the encryption of inbound media"
    """Encryption of inbound media is lowered, or nobody can say whether it is."""
    OUTBOUND_MEDIA_ENCRYPTION = "outbound_media_encryption", "may lose the encryption of outbound media"
    TLS = "tls", "lose encrypted signalling"
    """Signalling to the trunk does not require TLS any more."""
    ADDRESS = "address", "lose the trunk that places calls"
    """The target does not hold the trunk's address at all."""
    ADDRESS_PARTS = "address_parts", "lose a part of the trunk's address, and may not reach it without that"
    """A transport other than TLS, a user part or URI parameters of the trunk's address are left out."""
    CREDENTIALS = "credentials", "cannot authenticate at the trunk"
    """The target cannot authenticate at the trunk."""
    INBOUND_AGENT = "inbound_agent", "lose the agent that answers calls"
    """The target has no setting for who answers inbound calls."""
    OUTBOUND_AGENT = "outbound_agent", "lose the agent that places calls"
    PUBLISHES = "publishes", "get a version of an agent that is published by that, perhaps for other numbers too"
    """Assigning an agent version publishes it, perhaps for other numbers too."""
    REPLACES_SPLIT = "replaces_split", "get one agent in the place of several that share the calls"
    """Assigning an agent replaces several that shared the calls."""
    UNPUBLISHES = "unpublishes", "unpublish agents on release, perhaps for other numbers too"
    """Releasing a number unpublishes its agents, perhaps for other numbers too."""
    SEND_AS_IS = "send_as_is", "have no E.164 form, and are sent digit by digit"
    """A number without E.164 form is sent as the digits that it is."""
    UNKNOWN_ORIGIN = "unknown_origin", "may have been bought at the source, which does not say"
    """The source does not report whether the number was imported; it may be one that cannot be moved."""
    LINKED = "linked", "are linked to an account at the carrier, and need a trunk there"
    """A number that is linked to an account at its carrier is imported over a trunk, which has to be made there."""
    SOURCE_NOT_SERVING = "source_not_serving", "are released although the source does not serve the number as planned"
    """A rollback releases the record at the target although the source does not serve the number as planned."""
    SHARED_TRUNK = "shared_trunk", "share a trunk with others that would change as well"
    """A trunk is changed over which other numbers run that were not chosen."""
    UNREADABLE = "unreadable", "have something at the source that cannot be read"
    """A field could not be read at the source, and its adapter does not declare which setting that would have been."""


def allowances(names: Iterable[str]) -> frozenset[Allowance]:
    """The allowances with these names. Raises `InvalidInput`, which lists the names there are."""
    remedy = f"the names are: {', '.join(Allowance)}"
    with instead_of(
        (ValueError, TypeError), lambda _: InvalidInput("allow: this names no loss and no side effect", remedy=remedy)
    ):
        return frozenset(Allowance(name) for name in ([names] if isinstance(names, str) else names))
