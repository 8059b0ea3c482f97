"""What Diga takes and returns, as data, each point with its source."""

from __future__ import annotations

from typing import Final

from telephony_core.domain.agents import AgentVersion
from telephony_core.domain.lifecycle import Origin, SideEffect
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

SLUG: Final = "diga"
REGION: Final = "ES"

SPEC: Final = "vendor OpenAPI of 2026-07-22"
SIP_GUIDE: Final = "vendor guide 'SIP trunks', 2026-07-22"
BUYING_GUIDE: Final = "vendor guide 'Buy numbers', 2026-07-22"
CHANGELOG: Final = "vendor changelog, 2026-07-21"

_IMPORTED: Final = frozenset({Origin.IMPORTED})
_NO_CLEARING: Final = "what an explicit null does is not documented, so null is never sent"
# A version id. The specification types it as a UUID, so a name is refused before any request.
_UUID: Final = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"

CAPABILITIES: Final = Capabilities(
    region=REGION,
    operations={
        Operation.LIST: OperationSupport(
            source=SPEC,
            note="an unfiltered pass and one per status, because what comes without a filter is not documented",
        ),
        Operation.GET: OperationSupport(source=SPEC),
        Operation.FIND: OperationSupport(source=SPEC, note="by paging: no filter by number exists"),
        Operation.IMPORT: OperationSupport(source=SPEC, origins=_IMPORTED),
        Operation.UPDATE_LABEL: OperationSupport(source=SPEC),
        Operation.UPDATE_SIP: OperationSupport(source=SPEC, origins=_IMPORTED),
        Operation.ASSIGN_AGENTS: OperationSupport(source=SPEC),
        # No endpoint takes an ordered release back, and none sells numbers: `available` and `purchase` were published
        # on 2026-01-20 and withdrawn two days later.
        Operation.RELEASE: OperationSupport(source=SPEC, note="refused while reserved or waiting for verification"),
        Operation.LIST_AGENTS: OperationSupport(
            source=SPEC, note="the whole list in one answer, each with its versions"
        ),
    },
    fields={
        # Nothing is clearable: every null is typed, and what it does is said for none.
        Field.LABEL: FieldSupport(source=SPEC, read_from="nickname", note=_NO_CLEARING),
        Field.INBOUND_AGENT: FieldSupport(source=SPEC, read_from="inbound_agent_id", note=_NO_CLEARING),
        Field.OUTBOUND_AGENT: FieldSupport(source=SPEC, read_from="outbound_agent_id", note=_NO_CLEARING),
        Field.ALLOWED_ADDRESSES: FieldSupport(
            source=SPEC,
            read_from="sip_config.allowed_addresses",
            note="an empty list is open to all on import; what it does on an update is not documented",
        ),
        Field.INBOUND_ENCRYPTION: FieldSupport(
            source=SPEC, read_from="sip_config.inbound_media_encryption", note=_NO_CLEARING
        ),
        Field.ADDRESS: FieldSupport(
            source=SPEC, read_from="sip_config.termination_uri", note=f"host[:port] without sip:; {_NO_CLEARING}"
        ),
        Field.USERNAME: FieldSupport(source=SPEC, read_from="sip_config.username", note=_NO_CLEARING),
        Field.PASSWORD: FieldSupport(source=SPEC, readable=False, note="may be changed alone"),
        Field.OUTBOUND_ENCRYPTION: FieldSupport(
            source=SPEC, read_from="sip_config.outbound_media_encryption", note=_NO_CLEARING
        ),
    },
    importable=ImportableNumbers(
        source=SPEC,
        # Since 2026-07-03 the number has no format `phone` any more and may be a SIP identifier.
        kinds=frozenset({NumberKind.E164, NumberKind.SIP_ID}),
        note="E.164 of any country with its +, or a SIP identifier user@domain",
    ),
    address_forms=AddressForms(source=SPEC, note="the trunk's address is host[:port]; there is no transport to set"),
    allow_list=AllowListMeaning(
        source=SPEC,
        when_missing=Admits.EVERYBODY,
        when_empty=Admits.EVERYBODY,
        note="'empty = accept from anywhere' is said of imports; a list that is left out is taken for the same",
    ),
    agent_versions=AgentVersions(
        source=SPEC,
        # A version cannot be read back from a phone, so what was assigned is verified by the agent alone.
        kinds=frozenset({AgentVersion.PUBLISHED, AgentVersion.DRAFT}),
        literals=_UUID,
        literals_in_words="the id of a version",
        readable=False,
        note="assigning a version publishes it; a literal is a version id; whether drafts are taken is not documented",
    ),
    side_effects={
        Operation.ASSIGN_AGENTS: frozenset({SideEffect.PUBLISHES}),
        Operation.RELEASE: frozenset({SideEffect.UNPUBLISHES}),
    },
    release={
        # Afterwards only the vendor's support can bring a bought number back (guide "Buy numbers").
        Origin.PURCHASED: ReleaseTerms(source=BUYING_GUIDE, effect=ReleaseEffect.END_OF_PERIOD, revocable=False),
        Origin.IMPORTED: ReleaseTerms(source=SIP_GUIDE, effect=ReleaseEffect.IMMEDIATE, revocable=False),
    },
    inbound_host=InboundHost(source=SIP_GUIDE, host="sip.diga.io"),
    unmodelled=UnmodelledSettings(source=SPEC, note="every setting of a phone has a field here"),
    rate_limit=RateLimit(
        source=CHANGELOG,
        per_second=None,
        per_minute=None,
        note="limits per account exist since July 2026; neither the numbers nor the headers are documented",
    ),
)
