"""The agents and numbers that a fresh ElevenLabs emulator holds: every kind, every transport, every setting once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from telephony_core.emulator import Record, StoredCredentials

AGENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "reception": ("main", "winter-opening-hours"),
    "sales": ("main",),
    "support": ("main", "new-prompt"),
}
"""Agents by name, with the names of their branches; the main one is what answers where no branch is named."""


def inbound_trunk(**fields: object) -> Record:
    """An inbound trunk as it is shown."""
    return {
        "allowed_addresses": [],
        "allowed_numbers": None,
        "media_encryption": "allowed",
        "has_auth_credentials": False,
        "username": None,
        "remote_domains": None,
        "attributes_to_headers": {},
        **fields,
    }


def outbound_trunk(address: str, user: str | None = None, **fields: object) -> Record:
    """An outbound trunk as it is shown."""
    return {
        "address": address,
        "transport": "auto",
        "media_encryption": "allowed",
        "headers": {},
        "attributes_to_headers": {},
        "has_auth_credentials": user is not None,
        "username": user,
        "has_outbound_trunk": True,
        "enabled_codecs": [],
        **fields,
    }


def numbers(agents: Mapping[str, str], branch: str) -> Iterator[tuple[Record, StoredCredentials | None]]:
    """Numbers as the fields that differ from a plain one, oldest first, with their outbound credentials.

    ``branch`` is one of the agent ``reception``.
    """

    def assigned(name: str, **fields: object) -> Record:
        return {"agent_id": agents[name], "agent_name": name, "environment": None, "branch_id": None, **fields}

    def digest(user: str) -> StoredCredentials:
        return StoredCredentials(user, f"password-of-{user}")

    yield {
        "phone_number": "+12025550101", "label": "Front desk",
        "inbound_trunk": inbound_trunk(
            allowed_addresses=["192.0.2.10", "198.51.100.0/24", "2001:db8:5::/48"], media_encryption="allowed"
        ),
        "outbound_trunk": outbound_trunk("trunk.example.com:5060", "acme", transport="tcp"),
    }, digest("acme")  # fmt: skip
    yield {
        "phone_number": "+12025550102", "label": "Washington",
        "assigned_agent": assigned("reception", branch_id=branch),
        "inbound_trunk": inbound_trunk(allowed_addresses=[
            "192.0.2.10", "192.0.2.11", "192.0.2.12", "198.51.100.0/24", "203.0.113.64/28", "2001:db8:5::/48",
        ], media_encryption="required"),
        "outbound_trunk": outbound_trunk(
            "washington.trunk.example.com:5061", "washington", transport="tls", media_encryption="required"
        ),
    }, digest("washington")  # fmt: skip
    yield {
        "phone_number": "+34911234560", "label": "Centralita", "assigned_agent": assigned("sales"),
        "inbound_trunk": inbound_trunk(),
        "outbound_trunk": outbound_trunk("203.0.113.20", transport="udp", media_encryption="disabled"),
    }, None  # fmt: skip
    # Inbound only, and outbound only: a half that is not there has to be read as well.
    yield {"phone_number": "+827044447777", "label": "서울 (수신)", "inbound_trunk": inbound_trunk()}, None
    yield (
        {"phone_number": "+442079460555", "label": "Callbacks", "outbound_trunk": outbound_trunk("out.example.net")},
        None,
    )
    # The vendor takes any text as the number that a trunk calls.
    yield {"phone_number": "1000", "label": "Extension", "inbound_trunk": inbound_trunk()}, None
    for place, number in (("Berlin", "+493012345671"), ("Madrid", "+34911234561"), ("Dublin", "+35312345671")):
        yield {
            "phone_number": number, "label": place, "assigned_agent": assigned("support"),
            "inbound_trunk": inbound_trunk(allowed_addresses=["198.51.100.0/24"]),
            "outbound_trunk": outbound_trunk("eu.trunk.example.com", place.lower(), transport="tls"),
        }, digest(place.lower())  # fmt: skip
    # Linked numbers have no trunk objects.
    yield {"phone_number": "+12025550105", "label": "Linked", "provider": "twilio"}, None
    yield {
        "phone_number": "+919876543210", "label": "Linked", "provider": "exotel", "assigned_agent": assigned("sales"),
    }, None  # fmt: skip
