"""What can be written to Retell and read from it, as data, each point with its source."""

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

SLUG: Final = "retell"
REGION: Final = "US"
"""Where bare digits are read. Retell itself writes numbers in E.164; pseudo numbers may be anything."""

SPEC: Final = "vendor OpenAPI 3.0.0, spec revision 2026-08-01"
SDK: Final = "vendor Python SDK retell-sdk 6.2.13"
SIP_GUIDE: Final = "vendor guide 'Custom telephony', 2026-08"

DEFAULT_TRANSPORT: Final = "tcp"
"""What Retell takes for an address that names no transport, and shows then."""

AS_IS: Final = frozenset({NumberKind.SERVICE, NumberKind.LOCAL})
"""Numbers without an E.164 form. Retell takes them as pseudo numbers when its own validation is switched off."""

_IMPORTED: Final = frozenset({Origin.IMPORTED})
_CONFIG: Final = "sip_outbound_trunk_config"
_NOT_NULLABLE: Final = "the schema of an update takes no null, so it can be replaced and never cleared"

CODECS: Final = f"{_CONFIG}.codecs"
# OpenAPI, fields of a number. A migration that dropped one of these would change who may call, or who answers.
RESTRICTIVE: Final = frozenset(
    {
        "allowed_inbound_country_list",
        "allowed_outbound_country_list",
        "fallback_number",  # takes calls over
        "inbound_webhook_url",  # may choose another agent for each call
    }
)
"""Settings without a field in the model that say which calls are taken, and by whom."""
UNMODELLED: Final = RESTRICTIVE | {
    "inbound_sms_agents",
    "inbound_sms_webhook_url",
    "outbound_sms_agents",
    CODECS,
}
"""All settings that the model has no field for."""

# OpenAPI, `agent_version`: a whole number from 0, or a tag `[a-z][a-z0-9_-]{0,19}` but none such as `v3`.
VERSION_LITERAL: Final = r"0|[1-9][0-9]{0,8}|(?!(?:latest_published|published|draft|v[0-9]+)$)[a-z][a-z0-9_-]{0,19}"
"""Retell's own words for versions, to be matched in full: a version number, ``latest``, or a tag.

``latest_published`` is `AgentVersion.PUBLISHED`. A tag that is called ``published`` or ``draft`` would be taken for the
model's own word of that name, so neither can be written.
"""

CAPABILITIES: Final = Capabilities(
    region=REGION,
    operations={
        Operation.LIST: OperationSupport(source=SPEC),
        Operation.GET: OperationSupport(source=SPEC, note="the id is the number itself"),
        Operation.FIND: OperationSupport(
            source=SPEC, note="reads the list; in E.164 a number is its own id, so `get` finds it in one request"
        ),
        Operation.IMPORT: OperationSupport(source=SPEC, origins=_IMPORTED),
        Operation.UPDATE_LABEL: OperationSupport(source=SPEC),
        Operation.UPDATE_SIP: OperationSupport(
            source=SPEC, origins=_IMPORTED, note="whether the trunk of a bought number can be changed is not documented"
        ),
        Operation.ASSIGN_AGENTS: OperationSupport(source=SPEC, note="over a split of the calls only with consent"),
        # Nothing revokes a release or searches. Buying exists and is left out, because it spends money.
        Operation.RELEASE: OperationSupport(source=SPEC),
        Operation.LIST_AGENTS: OperationSupport(source=SDK, note="those with a voice; read by a POST"),
    },
    # No allow-list, no media encryption: no request has a field for either.
    fields={
        Field.LABEL: FieldSupport(source=SPEC, read_from="nickname", clearable=True),
        Field.INBOUND_AGENT: FieldSupport(source=SPEC, read_from="inbound_agents", clearable=True),
        Field.OUTBOUND_AGENT: FieldSupport(source=SPEC, read_from="outbound_agents", clearable=True),
        Field.ADDRESS: FieldSupport(
            source=SPEC,
            read_from=f"{_CONFIG}.termination_uri",
            required_on_import=True,
            note=f"host[:port], and the transport beside it; {_NOT_NULLABLE}",
        ),
        # OpenAPI, update: neither `termination_uri` nor the credentials are nullable.
        Field.USERNAME: FieldSupport(source=SPEC, read_from=f"{_CONFIG}.auth_username", note=_NOT_NULLABLE),
        Field.PASSWORD: FieldSupport(source=SPEC, readable=False, note=_NOT_NULLABLE),
    },
    ids_are_reused=True,  # the id is the number
    importable=ImportableNumbers(
        source=SPEC,
        kinds=frozenset({NumberKind.E164}),
        as_is=AS_IS,
        note="E.164 of any country; as they are, internal pseudo numbers",
    ),
    address_forms=AddressForms(
        source=SPEC, transport=True, default_transport=DEFAULT_TRANSPORT, note="a host alone is reached over TCP"
    ),
    allow_list=AllowListMeaning(
        source=SPEC,
        when_missing=Admits.UNKNOWN,
        when_empty=Admits.UNKNOWN,
        note="no request has a field for it, and who may call in is not documented; restrict callers at the carrier",
    ),
    agent_versions=AgentVersions(
        source=SPEC,
        kinds=frozenset({AgentVersion.PUBLISHED}),
        literals=VERSION_LITERAL,
        literals_in_words="a version number, latest, or a tag",
        readable=True,
        note="a version number, `latest` (a draft only while one is open), or a tag",
    ),
    side_effects={Operation.ASSIGN_AGENTS: frozenset({SideEffect.REPLACES_SPLIT})},
    release={
        # OpenAPI, delete: 204, and no word about a period.
        Origin.PURCHASED: ReleaseTerms(source=SPEC, effect=ReleaseEffect.IMMEDIATE, revocable=False),
        Origin.IMPORTED: ReleaseTerms(source=SPEC, effect=ReleaseEffect.IMMEDIATE, revocable=False),
    },
    inbound_host=InboundHost(
        source=SIP_GUIDE,
        host="sip.retellai.com",
        note="over tcp (recommended), udp or tls; the older host 5t4n6j0wnrl.sip.livekit.cloud ended on 2026-09-30",
    ),
    unmodelled=UnmodelledSettings(
        source=SPEC,
        names=UNMODELLED,
        restrictive=RESTRICTIVE,
        note="an inbound webhook may choose another agent for each call",
    ),
    rate_limit=RateLimit(source=SPEC, per_second=None, per_minute=None, note="not published for the REST API"),
)
