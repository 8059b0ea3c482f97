"""Records and pages as vendors send them, 586 bytes a record, made before anybody asks for them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs

Json = dict[str, object]

RECORD_BYTES = 586
PAGE = 100
AGENT = "8f14e45f-ceea-467a-9575-1f0b2c3d4e5f"
BORN = 1_767_225_600_000
"""2026-01-01 in milliseconds."""


def written(payload: object) -> bytes:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def padded(record: Json, field: str) -> Json:
    """The record with one text field filled up, so that every vendor's record has the same length."""
    missing = RECORD_BYTES - len(written({**record, field: ""}))
    return {**record, field: "x" * missing}


def identifier(place: int) -> str:
    return str(uuid.UUID(int=(place + 1) * 0x9E3779B97F4A7C15 << 40 & (1 << 128) - 1, version=4))


def vox(place: int) -> Json:
    custom = place % 2 == 1
    return padded(
        {
            "id": identifier(place),
            "number": f"070{20_000_000 + place:08d}",
            "provider": "custom" if custom else "vox",
            "status": "active",
            "start_at": BORN + 1000 * place,
            "created_at": BORN + 1000 * place,
            "updated_at": BORN + 1000 * place + 86_400_000,
            "monthly_fee": None if custom else 3300,
            "address": "sip:trunk.example.com:5060" if custom else None,
            "inbound_trunk_id": "ST_0123456789ab" if custom else None,
            "outbound_trunk_id": "ST_0123456789cd" if custom else None,
            "inbound_agent": {"agent_id": AGENT, "agent_version": "production"},
            "outbound_agent": None,
            "end_at": None,
            "cancel_requested_at": None,
        },
        "memo",
    )


def diga(place: int) -> Json:
    custom = place % 2 == 1
    trunk = {
        "termination_uri": "trunk.example.com:5060",
        "username": "acme",
        "inbound_media_encryption": "allow",
        "outbound_media_encryption": "allow",
        "allowed_addresses": ["203.0.113.7"],
    }
    return padded(
        {
            "id": identifier(place),
            "number": f"+34{610_000_000 + place}",
            "telephony_provider": "custom" if custom else "netelip",
            "status": "assigned",
            "assigned_at": "2026-01-01T00:00:00Z",
            "released_at": None,
            "scheduled_release_at": None,
            "inbound_agent_id": AGENT,
            "outbound_agent_id": None,
            "sip_config": trunk if custom else None,
        },
        "nickname",
    )


def twilio(place: int) -> Json:
    return padded(
        {
            "sid": f"PN{place:032x}",
            "account_sid": f"AC{0:032x}",
            "phone_number": f"+1415{5_000_000 + place:07d}",
            "capabilities": {"voice": True, "sms": False, "mms": False, "fax": False},
            "date_created": "Thu, 01 Jan 2026 00:00:00 +0000",
            "date_updated": "Thu, 01 Jan 2026 00:00:00 +0000",
            "status": "in-use",
            "api_version": "2010-04-01",
        },
        "friendly_name",
    )


def telnyx(place: int) -> Json:
    return padded(
        {
            "id": str(1_000_000_000 + place),
            "record_type": "phone_number",
            "phone_number": f"+1415{5_000_000 + place:07d}",
            "phone_number_type": "local",
            "status": "active",
            "tags": [],
            "created_at": "2026-01-01T00:00:00Z",
            "purchased_at": "2026-01-01T00:00:00Z",
            "deletion_lock_enabled": False,
            "connection_id": "1293384261075731499",
        },
        "customer_reference",
    )


def retell(place: int) -> Json:
    return padded(
        {
            "phone_number": f"+1415{5_000_000 + place:07d}",
            "phone_number_type": "custom",
            "phone_number_pretty": "+1 (415) 500-0000",
            "last_modification_timestamp": BORN,
            "inbound_agents": [{"agent_id": AGENT, "weight": 1}],
            "sip_outbound_trunk_config": {"termination_uri": "trunk.example.com", "auth_username": "acme"},
        },
        "nickname",
    )


def elevenlabs(place: int) -> Json:
    return padded(
        {
            "provider": "sip_trunk",
            "phone_number": f"+1415{5_000_000 + place:07d}",
            "phone_number_id": f"phnum_{place:028d}",
            "supports_inbound": True,
            "supports_outbound": True,
            "assigned_agent": {"agent_id": AGENT, "agent_name": "reception"},
            "provider_config": {
                "address": "trunk.example.com",
                "transport": "tcp",
                "media_encryption": "allowed",
                "has_auth_credentials": True,
                "username": "acme",
            },
            "livekit_stack": "standard",
        },
        "label",
    )


def vapi(place: int) -> Json:
    return padded(
        {
            "provider": "byo-phone-number",
            "id": identifier(place),
            "orgId": identifier(0),
            "createdAt": "2026-01-01T00:00:00.000Z",
            "updatedAt": "2026-01-01T00:00:00.000Z",
            "status": "active",
            "number": f"+1415{5_000_000 + place:07d}",
            "credentialId": identifier(1),
            "assistantId": identifier(2),
            "numberE164CheckEnabled": True,
        },
        "name",
    )


RECORDS: dict[str, Callable[[int], Json]] = {
    "vox": vox,
    "diga": diga,
    "twilio": twilio,
    "telnyx": telnyx,
    "retell": retell,
    "elevenlabs": elevenlabs,
    "vapi": vapi,
}


class Shop:
    """All answers of one vendor that holds ``count`` numbers."""

    def __init__(self, vendor: str, count: int) -> None:
        self.vendor = vendor
        records = [written(RECORDS[vendor](place)) for place in range(count)]
        one = records[min(1, count - 1)]
        self.one = b'{"data":' + one + b"}" if vendor == "telnyx" else one
        parts = [records[start : start + PAGE] for start in range(0, count, PAGE)]
        self.pages = [self._page(part, place, len(parts), count) for place, part in enumerate(parts)]
        self.empty = self._page([], 0, 1, 0)

    def _page(self, records: list[bytes], place: int, pages: int, count: int) -> bytes:
        items, more = b"[" + b",".join(records) + b"]", place + 1 < pages
        match self.vendor:
            case "vox":
                head = b'{"items":%b,"total_count":%d,"next_cursor":%b}'
                return head % (items, count, written(str(place + 1) if more else None))
            case "diga":
                return b'{"object":"list","data":%b,"has_more":%b,"last_id":"%d"}' % (items, written(more), place + 1)
            case "twilio":
                onward = f"/2010-04-01/Accounts/AC{0:032x}/IncomingPhoneNumbers.json?Page={place + 1}" if more else None
                head = b'{"incoming_phone_numbers":%b,"page":%d,"page_size":100,"next_page_uri":%b}'
                return head % (items, place, written(onward))
            case "telnyx":
                return b'{"data":%b,"meta":{"page_number":%d,"total_pages":%d}}' % (items, place + 1, pages)
            case "retell":
                return b'{"items":%b,"has_more":%b,"pagination_key":"%d"}' % (items, written(more), place + 1)
            case "elevenlabs":
                return items
            case _:
                return items

    def answer(self, path: str, query: str) -> bytes:
        """The body for a path below the vendor's base URL."""
        asked = parse_qs(query)

        def number(name: str, otherwise: int) -> int:
            return int(asked.get(name, [str(otherwise)])[0] or otherwise)

        match self.vendor, path:
            case "vox", "v3/organization-telephone-numbers":
                active = asked.get("status", ["active"]) == ["active"]
                return self.pages[number("cursor", 0)] if active else self.empty
            case "diga", "v1/phone/":
                assigned = asked.get("status", ["assigned"]) == ["assigned"]
                return self.pages[number("after", 0)] if assigned else self.empty
            case "twilio", _ if path.endswith("/IncomingPhoneNumbers.json"):
                return self.pages[number("Page", 0)]
            case "telnyx", "phone_numbers":
                return self.pages[number("page[number]", 1) - 1]
            case "retell", "v2/list-phone-numbers":
                return self.pages[number("pagination_key", 0)]
            case "elevenlabs", "v1/convai/phone-numbers":
                return self.pages[number("page", 0)]
            case "vapi", "phone-number":
                return self.pages[0]
        return self.one


def shops(sizes: list[int]) -> Iterator[tuple[str, Shop]]:
    """Every vendor's, by the start of its paths: ours in every size, the others in the largest."""
    for vendor in RECORDS:
        for size in sizes if vendor in ("vox", "diga") else [max(sizes)]:
            yield f"{vendor}/{size}", Shop(vendor, size)
