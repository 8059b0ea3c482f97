"""Each vendor by its own words, as its reference has them: paths, fields, records. No adapter is asked.

What differs between vendors in tests that hold for all of them stands here, and in no branch of theirs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from telephony_core.emulator import Emulator, Record, StoredCredentials
from telephony_core.provider.port import ProviderSpec
from telephony_core.provider.registry import registry

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples" / "telephony-acme"))

ACTIVE, SCHEDULED, RELEASED = "active", "scheduled", "released"


@dataclass(frozen=True)
class Line:
    """One record of a number, in words that all vendors share."""

    number: str
    """In E.164."""
    imported: bool = True
    status: str = ACTIVE
    label: str | None = None
    address: str | None = None
    """Host and port; over TCP, where a vendor keeps a transport."""
    username: str | None = None
    password: str | None = None
    inbound: str | None = None
    outbound: str | None = None
    """Names of agents, or ids that the account does not know."""
    allowed: tuple[str, ...] | None = field(default=None, compare=False)

    @property
    def is_live(self) -> bool:
        return self.status != RELEASED


@dataclass(frozen=True)
class Vendor:
    """One vendor's paths and words."""

    numbers: tuple[str, ...]
    """Path of the list."""
    create: tuple[str, ...]
    number: str
    agents: tuple[str, ...]
    trunk: tuple[str, ...]
    """Where in a record the address of the trunk is."""
    write: Callable[[Line, Emulator], Record]
    """The fields of a record that are said by a line."""
    read: Callable[[Any, Mapping[str, str]], Line]
    """The line that a record comes to, but for its credentials; the names of agents are by their ids."""
    page: Callable[[object, object], object]
    """The answer to a listing, of records and the cursor that leads on."""
    own: tuple[str, ...]
    """Numbers in E.164 that this vendor can hold: ours, one more of ours, somebody else's, one that is to be imported,
    and one that nobody has yet."""
    national: str = ""
    """A country code in whose place the vendor writes 0."""
    label: str | None = None
    allowed: tuple[str, ...] = ()
    """Where in a record the list of allowed addresses is."""
    nowhere: Callable[[Record], Record] = lambda _: {}
    """The change that takes a record's trunk away."""
    at: frozenset[tuple[str, ...]] = frozenset()
    """Paths below which a record is, where that is not the list's."""
    word: str = "status"
    """A field that holds one of a few words."""
    required: str = "status"
    """A field of every record."""
    status: str = ""
    active: str | None = None
    over: tuple[str, ...] = ()
    pending: str = ""
    starts: str = ""
    """Field that holds, in milliseconds, when a pending number begins."""
    ends: str = ""
    """Field that is set while a release is scheduled."""
    ended: tuple[str, ...] = ()
    """Fields of the answer to a release, where it is read; with ``effective_at``."""
    changing: tuple[str, ...] = ()
    """Fields that change with every write, and say nothing."""
    forgets: bool = True
    """Whether an imported number that was given up is there no more."""
    rents: bool = False
    """Whether a number that was bought goes on until its period ends."""
    sold: bool = True
    """Whether numbers are bought there, so that one can be given up that was not imported."""
    paged: bool = True
    kind: Callable[[], type[Emulator]] = field(kw_only=True)

    def emulator(self, *, now: Callable[[], datetime], api_key: str = "emulator-key", twice: bool = False) -> Emulator:
        """An account without numbers. ``twice``: it takes a number that it has, where the vendor can."""
        made = self.kind()
        given: dict[str, Any] = {"allow_duplicates": True} if twice and self.can_double() else {}
        emulator = made(api_key=api_key, now=now, **({"seed": False} | given if made.slug != "acme" else {}))
        for id in list(emulator.store):
            emulator.store.remove(id)
        return emulator

    def not_before(self, emulator: Emulator) -> Record:
        """What keeps a record pending: at vox a number that is scheduled begins at its time."""
        return {self.starts: _millis(emulator.now()) + 10**12} if self.starts else {}

    def can_double(self) -> bool:
        """Whether two records can have the same number; not where the number is the id."""
        return self.kind().id_key != self.number


def add(emulator: Emulator, line: Line, **fields: object) -> str:
    """Put a record there, with its credentials; gives its id."""
    given = {**VENDORS[emulator.slug].write(line, emulator), **fields}
    known = line.username or line.password
    stored = StoredCredentials(line.username, line.password) if known else None
    return emulator.add(credentials=stored, **given)


def line_of(emulator: Emulator, record: Record) -> Line:
    """What a record of an account says, its credentials included."""
    names = {id: name for name, id in emulator.agents.items()}
    line = VENDORS[emulator.slug].read(record, names)
    stored = emulator.credentials(str(record[emulator.id_key]))
    if stored is None:
        return line
    return replace(line, username=stored.username, password=stored.password)


def written(provider: str, number: str) -> str:
    """A number in E.164 in the form that the vendor writes."""
    national = VENDORS[provider].national
    return "0" + number.removeprefix(national) if national else number


def number_of(provider: str, record: Record) -> str:
    """In E.164, whatever form the vendor writes it in."""
    vendor = VENDORS[provider]
    text = str(record[vendor.number])
    return vendor.national + text.removeprefix("0") if vendor.national else text


def base_path(emulator: Emulator) -> str:
    """What stands before every path of the vendor."""
    return urlsplit(emulator.base_url).path


def address_at(provider: str, host: str) -> str:
    """A trunk's address as this vendor takes it: with its transport where there is a field for it."""
    forms = spec_of(provider).capabilities.address_forms
    return f"sip:{host};transport=tcp" if forms is not None and forms.transport else host


def spec_of(provider: str) -> ProviderSpec:
    """What a client is made with; the example is not installed here."""
    if provider != "acme":
        return registry.spec(provider)
    from telephony_acme.plugin import telephony_register_provider

    spec: ProviderSpec = telephony_register_provider()
    return spec


# -- vox


def _write_vox(line: Line, emulator: Emulator) -> Record:
    def agent(name: str | None) -> Record | None:
        return name and {"agent_id": emulator.agents.get(name, name), "agent_version": "production"}

    now = emulator.now()
    ends = {SCHEDULED: now + timedelta(days=20), RELEASED: now - timedelta(days=1)}.get(line.status)
    return {
        "number": written("vox", line.number),
        "provider": "custom" if line.imported else "vox",
        "status": {ACTIVE: "active", SCHEDULED: "cancel_requested", RELEASED: "expired"}[line.status],
        "start_at": _millis(now - timedelta(days=2)),
        "memo": line.label,
        **({"address": f"sip:{line.address};transport=tcp"} if line.address else {}),
        "inbound_agent": agent(line.inbound),
        "outbound_agent": agent(line.outbound),
        "end_at": ends and _millis(ends),
    }


def _read_vox(record: Any, names: Mapping[str, str]) -> Line:
    inbound, outbound = (record[key] and names[record[key]["agent_id"]] for key in ("inbound_agent", "outbound_agent"))
    return Line(
        number_of("vox", record),
        record["provider"] == "custom",
        {"active": ACTIVE, "cancel_requested": SCHEDULED, "expired": RELEASED}[record["status"]],
        record["memo"],
        record["address"] and _host_port(record["address"]),
        inbound=inbound,
        outbound=outbound,
    )


def _vox() -> type[Emulator]:
    from telephony_vox.emulator import VoxEmulator

    return VoxEmulator


# -- Diga


def _write_diga(line: Line, emulator: Emulator) -> Record:
    sip = {
        "termination_uri": line.address,
        "username": line.username,
        "inbound_media_encryption": "allow",
        "outbound_media_encryption": "allow",
        "allowed_addresses": line.allowed and list(line.allowed),
    }
    return {
        "number": line.number,
        "telephony_provider": "custom" if line.imported else "netelip",
        "status": "finished" if line.status == RELEASED else "assigned",
        "nickname": line.label,
        "inbound_agent_id": line.inbound and emulator.agents.get(line.inbound, line.inbound),
        "outbound_agent_id": line.outbound and emulator.agents.get(line.outbound, line.outbound),
        **({"sip_config": sip} if line.imported else {}),
    }


def _read_diga(record: Any, names: Mapping[str, str]) -> Line:
    over = record["status"] in ("released", "finished")
    return Line(
        record["number"],
        record["telephony_provider"] == "custom",
        RELEASED if over else SCHEDULED if record["scheduled_release_at"] else ACTIVE,
        record["nickname"],
        record["sip_config"] and record["sip_config"]["termination_uri"],
        inbound=names.get(record["inbound_agent_id"]),
        outbound=names.get(record["outbound_agent_id"]),
    )


def _diga() -> type[Emulator]:
    from telephony_diga.emulator import DigaEmulator

    return DigaEmulator


# -- ElevenLabs


def _write_elevenlabs(line: Line, emulator: Emulator) -> Record:
    from telephony_elevenlabs import emulator_seed as seed

    trunk = line.address and seed.outbound_trunk(line.address, line.username, transport="tcp")
    agent = line.inbound and {
        "agent_id": emulator.agents.get(line.inbound, line.inbound),
        "agent_name": line.inbound,
        "environment": None,
        "branch_id": None,
    }
    return {
        "phone_number": line.number,
        "provider": "sip_trunk" if line.imported else "twilio",
        "label": line.label or "",
        "assigned_agent": agent,
        **({"outbound_trunk": trunk, "provider_config": trunk} if trunk else {}),
        **({"inbound_trunk": seed.inbound_trunk(allowed_addresses=list(line.allowed))} if line.allowed else {}),
    }


def _read_elevenlabs(record: Any, names: Mapping[str, str]) -> Line:
    trunk, agent = record.get("outbound_trunk"), record["assigned_agent"]
    return Line(
        record["phone_number"],
        record["provider"] == "sip_trunk",
        ACTIVE,
        record["label"] or None,
        trunk and trunk["address"],
        inbound=agent and names[agent["agent_id"]],
    )


def _elevenlabs() -> type[Emulator]:
    from telephony_elevenlabs.emulator import ElevenLabsEmulator

    return ElevenLabsEmulator


# -- Retell


def _write_retell(line: Line, emulator: Emulator) -> Record:
    def share(name: str | None) -> list[Record] | None:
        version = "latest_published"
        return name and [{"agent_id": emulator.agents.get(name, name), "weight": 1, "agent_version": version}]

    trunk = {"termination_uri": line.address, "transport": "TCP", "auth_username": line.username}
    said: Record = {
        "nickname": line.label,
        "inbound_agents": share(line.inbound),
        "outbound_agents": share(line.outbound),
        _CONFIG: {name: value for name, value in trunk.items() if value} if line.address else None,
    }
    kind = "custom" if line.imported else "retell-twilio"
    given = {name: value for name, value in said.items() if value is not None}  # what is null is not shown
    return {"phone_number": line.number, "phone_number_type": kind, **given}


_CONFIG: Final = "sip_outbound_trunk_config"


def _read_retell(record: Any, names: Mapping[str, str]) -> Line:
    inbound, outbound = (record.get(key) for key in ("inbound_agents", "outbound_agents"))
    return Line(
        record["phone_number"],
        record["phone_number_type"] == "custom",
        ACTIVE,
        record.get("nickname"),
        (record.get(_CONFIG) or {}).get("termination_uri"),
        inbound=inbound and names[inbound[0]["agent_id"]],
        outbound=outbound and names[outbound[0]["agent_id"]],
    )


def _retell() -> type[Emulator]:
    from telephony_retell.emulator import RetellEmulator

    return RetellEmulator


# -- the example


def _write_acme(line: Line, emulator: Emulator) -> Record:
    address = line.address or "trunk.example.com:5060"
    host, _, port = address.partition(":")
    return {
        "e164": line.number,
        "state": "ended" if line.status == RELEASED else "live",
        "app": line.inbound and emulator.agents.get(line.inbound, line.inbound),
        "trunk": {
            "address": {"host": host, **({"port": int(port)} if port else {})},
            "username": line.username,
            "allowed": list(line.allowed or ()),
        },
    }


def _read_acme(record: Any, names: Mapping[str, str]) -> Line:
    return Line(
        record["e164"], status=RELEASED if record["state"] == "ended" else ACTIVE, inbound=names.get(record["app"])
    )


def _acme() -> type[Emulator]:
    from telephony_acme.emulator import AcmeEmulator

    return AcmeEmulator


def _millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _host_port(address: str) -> str:
    return address.removeprefix("sip:").partition(";")[0]


def _inside(record: Record, key: str, **changes: object) -> Record:
    """The change that changes an object of a record."""
    known = record.get(key)
    return {key: {**(known if isinstance(known, dict) else {}), **changes}}


VENDORS: Final[Mapping[str, Vendor]] = {
    "vox": Vendor(
        ("organization-telephone-numbers",), ("telephone-numbers", "register"), "number",
        ("inbound_agent", "outbound_agent"), ("address",), _write_vox, _read_vox,
        lambda records, cursor: {"items": records, "total_count": 1, "next_cursor": cursor},
        ("+827011110000", "+827011110003", "+827011110001", "+827011110002", "+827011110004"),
        national="+82", label="memo",
        nowhere=lambda _: {"address": None, "inbound_trunk_id": None, "outbound_trunk_id": None},
        status="status", active="active", over=("expired",), pending="scheduled", starts="start_at", ends="end_at",
        ended=("id", "number", "provider"), changing=("updated_at",), forgets=False, rents=True, kind=_vox,
    ),
    "diga": Vendor(
        ("v1", "phone"), ("v1", "phone", "import"), "number",
        ("inbound_agent_id", "outbound_agent_id"), ("sip_config", "termination_uri"), _write_diga, _read_diga,
        lambda records, cursor: {"data": records, "has_more": cursor is not None, "last_id": cursor},
        ("+34612000000", "+34612000003", "+34612000001", "+34612000002", "+34612000004"),
        label="nickname", allowed=("sip_config", "allowed_addresses"),
        nowhere=lambda record: _inside(record, "sip_config", termination_uri=None, username=None),
        status="status", active="assigned", over=("released", "finished"), pending="pending_verification",
        ends="scheduled_release_at", rents=True, kind=_diga,
    ),
    "elevenlabs": Vendor(
        ("v1", "convai", "phone-numbers"), ("v1", "convai", "phone-numbers"), "phone_number",
        ("assigned_agent",), ("outbound_trunk", "address"), _write_elevenlabs, _read_elevenlabs,
        lambda records, _: records,
        ("+12025550160", "+12025550163", "+12025550161", "+12025550162", "+12025550164"),
        label="label", allowed=("inbound_trunk", "allowed_addresses"),
        nowhere=lambda _: dict.fromkeys(("inbound_trunk", "outbound_trunk", "provider_config")),
        word="provider", required="label", sold=False, paged=False, kind=_elevenlabs,
    ),
    "retell": Vendor(
        ("v2", "list-phone-numbers"), ("import-phone-number",), "phone_number",
        ("inbound_agents", "outbound_agents"), (_CONFIG, "termination_uri"), _write_retell, _read_retell,
        lambda records, cursor: {"items": records, "has_more": cursor is not None, "pagination_key": cursor},
        ("+12135550160", "+12135550163", "+12135550161", "+12135550162", "+12135550164"),
        label="nickname", nowhere=lambda _: {_CONFIG: None},
        at=frozenset({("get-phone-number",), ("update-phone-number",), ("delete-phone-number",)}),
        word="phone_number_type", required="phone_number_type", changing=("last_modification_timestamp",), kind=_retell,
    ),
    "acme": Vendor(
        ("numbers",), ("numbers",), "e164", ("app",), ("trunk", "address"), _write_acme, _read_acme,
        lambda records, cursor: {"numbers": records, "next": cursor},
        ("+442079460100", "+442079460103", "+442079460101", "+442079460102", "+442079460104"),
        allowed=("trunk", "allowed"), nowhere=lambda _: {"trunk": None},
        status="state", active="live", over=("ended",), pending="provisioning", ends="ends", forgets=False,
        kind=_acme,
    ),
}  # fmt: skip
SHIPPED: Final = tuple(slug for slug in VENDORS if slug != "acme")
"""The vendors whose adapters come with the library."""
CHANCE: Final = (
    *("id", "phone_number_id", "last_modification_timestamp", "created_at", "updated_at", "start_at", "assigned_at"),
    *("inbound_trunk_id", "outbound_trunk_id"),
)
"""Fields that differ from run to run."""
