"""What ElevenLabs takes and returns, as data, each point with its source."""

from __future__ import annotations

from typing import Final

from telephony_core.domain.agents import AgentVersion
from telephony_core.domain.lifecycle import Origin
from telephony_core.domain.number_identity import NumberKind
from telephony_core.provider.capabilities import (
    AddressForms,
    Admits,
    AgentVersions,
    AllowListMeaning,
    Capabilities,
    Field,
    FieldSupport,
    ImportableNumbers,
    InboundHost,
    Operation,
    OperationSupport,
    RateLimit,
    ReleaseEffect,
    ReleaseTerms,
    UnmodelledSettings,
)

SLUG: Final = "elevenlabs"
REGION: Final = "US"

SPEC: Final = "vendor OpenAPI of 2026-08-22"
SIP_GUIDE: Final = "vendor guide 'SIP trunking', 2026"
SDK: Final = "vendor Python SDK of 2026, generated from its API definition"
HELP: Final = "vendor help centre, 2026"

_IMPORTED: Final = frozenset({Origin.IMPORTED})
# Label and agent belong to ElevenLabs. The trunk of a linked number does not: it is at the carrier.
_EVERY: Final = frozenset({Origin.IMPORTED, Origin.LINKED})
_AT_CARRIER: Final = "what becomes of a linked number at its carrier is not documented"
_NO_CLEARING: Final = "what null does is not documented, so it is never sent"

# From the records of the vendor OpenAPI of 2026-08-22. A migration that dropped one of these would allow calls that are
# kept out today.
RESTRICTIVE: Final = frozenset(
    {
        "inbound_trunk.allowed_numbers",
        "inbound_trunk.credentials",  # digest that callers have to pass
        "inbound_trunk.remote_domains",  # names that a caller's TLS certificate has to have
        "supports_inbound",  # switched off
        "supports_outbound",
    }
)
"""Settings without a field in the model that say which calls are taken."""

CAPABILITIES: Final = Capabilities(
    region=REGION,
    operations={
        Operation.LIST: OperationSupport(source=SPEC, note="the whole list in one answer"),
        Operation.GET: OperationSupport(source=SPEC),
        Operation.FIND: OperationSupport(source=SPEC, note="by the list: no filter by number exists"),
        Operation.IMPORT: OperationSupport(source=SPEC, origins=_IMPORTED),
        Operation.UPDATE_LABEL: OperationSupport(source=SPEC, origins=_EVERY),
        Operation.UPDATE_SIP: OperationSupport(source=SPEC, origins=_IMPORTED),
        Operation.ASSIGN_AGENTS: OperationSupport(source=SPEC, origins=_EVERY),
        Operation.RELEASE: OperationSupport(source=SPEC, origins=_EVERY, note=_AT_CARRIER),
        # No operation revokes a release, searches or buys: every number is brought along.
        Operation.LIST_AGENTS: OperationSupport(source=SDK),
    },
    # No outbound agent: whoever orders a call names the agent and the number.
    fields={
        Field.LABEL: FieldSupport(source=SPEC, read_from="label", required_on_import=True, note=_NO_CLEARING),
        Field.INBOUND_AGENT: FieldSupport(
            source=SPEC, read_from="assigned_agent", clearable=True, note="cleared by null, as a client's guide says"
        ),
        Field.ALLOWED_ADDRESSES: FieldSupport(
            source=SPEC, read_from="inbound_trunk.allowed_addresses", note=_NO_CLEARING
        ),
        Field.INBOUND_ENCRYPTION: FieldSupport(
            source=SPEC, read_from="inbound_trunk.media_encryption", note=_NO_CLEARING
        ),
        Field.ADDRESS: FieldSupport(
            source=SPEC,
            read_from="outbound_trunk.address",
            note="host[:port] and the transport apart; the first outbound setting of a number has to be this one",
        ),
        Field.USERNAME: FieldSupport(
            source=SPEC,
            read_from="outbound_trunk.username",
            note="may be changed alone where the trunk has credentials; whether they can be taken away is not known",
        ),
        Field.PASSWORD: FieldSupport(source=SPEC, readable=False, note="may be changed alone, like the user name"),
        Field.OUTBOUND_ENCRYPTION: FieldSupport(
            source=SPEC, read_from="outbound_trunk.media_encryption", note=_NO_CLEARING
        ),
    },
    importable=ImportableNumbers(
        source=SIP_GUIDE,
        kinds=frozenset({NumberKind.E164}),
        as_is=frozenset({NumberKind.LOCAL, NumberKind.SERVICE}),
        note="E.164 of any country; other digits have to be what the trunk calls, character by character",
    ),
    address_forms=AddressForms(source=SPEC, transport=True, note="without one ElevenLabs chooses (auto)"),
    allow_list=AllowListMeaning(
        source=SPEC,
        when_missing=Admits.UNKNOWN,
        when_empty=Admits.UNKNOWN,
        note="neither is documented; in LiveKit, on which it runs, an empty list lets everybody in",
    ),
    agent_versions=AgentVersions(
        source=SPEC,
        kinds=frozenset({AgentVersion.PUBLISHED}),
        # The prefix is a third party's experience; the specification calls it a text.
        literals="agtbrch_[0-9A-Za-z]+",
        literals_in_words="the id of a branch (agtbrch_…)",
        readable=True,
        note="a literal is the id of a branch; without a branch an agent's main one answers",
    ),
    release={
        Origin.IMPORTED: ReleaseTerms(source=SPEC, effect=ReleaseEffect.IMMEDIATE, revocable=False),
        Origin.LINKED: ReleaseTerms(source=SPEC, effect=ReleaseEffect.IMMEDIATE, revocable=False, note=_AT_CARRIER),
    },
    inbound_host=InboundHost(
        source=SIP_GUIDE,
        # One host per account would be wrong: it follows from `livekit_stack` and the region (`inbound_uri`).
        host=None,
        note="it follows from the number and its region: sip.rtc.elevenlabs.io for one on the standard stack of the "
        "global region, port 5060 over TCP or 5061 over TLS, and +NUMBER as the user part",
    ),
    unmodelled=UnmodelledSettings(
        source=SPEC,
        names=RESTRICTIVE
        | {
            "assigned_agent.environment",
            "inbound_trunk.attributes_to_headers",
            "livekit_stack",
            "outbound_trunk.attributes_to_headers",
            "outbound_trunk.enabled_codecs",
            "outbound_trunk.headers",
            "store_sip_messages",
        },
        restrictive=RESTRICTIVE,
        note="of a switch: that it is off; what a trunk holds beyond the documented fields is named as well",
    ),
    rate_limit=RateLimit(
        source=HELP,
        per_second=None,
        per_minute=None,
        note="requests at a time are limited by plan; no figures for phone numbers",
    ),
)
