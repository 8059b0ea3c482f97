"""What Acme Voice takes and returns, as data, each point with its source."""

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
    ReleaseEffect,
    ReleaseTerms,
    UnmodelledSettings,
)

SLUG: Final = "acme"
REGION: Final = "GB"
DOCS: Final = "Acme Voice API reference (invented)"

_IMPORTED: Final = frozenset({Origin.IMPORTED})

CAPABILITIES: Final = Capabilities(
    region=REGION,
    operations={
        Operation.LIST: OperationSupport(source=DOCS),
        Operation.GET: OperationSupport(source=DOCS),
        Operation.FIND: OperationSupport(source=DOCS, note="by number, in one request"),
        Operation.IMPORT: OperationSupport(source=DOCS, origins=_IMPORTED),
        Operation.UPDATE_SIP: OperationSupport(source=DOCS, origins=_IMPORTED),
        Operation.ASSIGN_AGENTS: OperationSupport(source=DOCS),
        Operation.RELEASE: OperationSupport(source=DOCS, origins=_IMPORTED, note="hosted numbers: by letter only"),
    },
    finds_by_number=True,
    # No label, no encryption, no outbound agent: Acme does not have them.
    fields={
        Field.INBOUND_AGENT: FieldSupport(source=DOCS, read_from="app", clearable=True),
        Field.ALLOWED_ADDRESSES: FieldSupport(
            source=DOCS,
            read_from="trunk.allowed",
            clearable=True,
            note="cleared, the list of the account counts, which the API does not show",
        ),
        Field.ADDRESS: FieldSupport(source=DOCS, read_from="trunk.address", required_on_import=True),
        Field.USERNAME: FieldSupport(
            source=DOCS, read_from="trunk.username", clearable=True, requires=frozenset({Field.PASSWORD})
        ),
        Field.PASSWORD: FieldSupport(source=DOCS, readable=False, clearable=True, requires=frozenset({Field.USERNAME})),
    },
    importable=ImportableNumbers(source=DOCS, kinds=frozenset({NumberKind.E164}), countries=frozenset({"GB", "IE"})),
    address_forms=AddressForms(source=DOCS, transport=True, default_transport="udp"),
    allow_list=AllowListMeaning(
        source=DOCS,
        when_missing=Admits.UNKNOWN,  # the account's own list counts then, and it may be open
        when_empty=Admits.EVERYBODY,
    ),
    agent_versions=AgentVersions(
        source=DOCS, kinds=frozenset({AgentVersion.PUBLISHED}), readable=True, note="an app has no other version"
    ),
    release={Origin.IMPORTED: ReleaseTerms(source=DOCS, effect=ReleaseEffect.IMMEDIATE, revocable=False)},
    inbound_host=InboundHost(source=DOCS, host="in.acme-voice.example"),
    unmodelled=UnmodelledSettings(source=DOCS, note="every setting of a number has a field here"),
)
