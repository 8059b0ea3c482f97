"""What vox takes and returns, as data, each point with its source."""

from __future__ import annotations

from collections.abc import Mapping
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

SLUG: Final = "vox"
REGION: Final = "KR"
"""Where bare digits are read: vox stores Korean national digits."""

# Pages of docs.tryvox.co, by what they are about; the adapter's README gives their addresses.
_LIST: Final = "docs.tryvox.co, list owned numbers"
_GET: Final = "docs.tryvox.co, get an owned number"
_SIP: Final = "docs.tryvox.co, PATCH sip"
_REGISTER: Final = "docs.tryvox.co, register a number"
_CANCEL: Final = "docs.tryvox.co, cancel a number"
_REVOKE: Final = "docs.tryvox.co, revoke a cancellation"
_AVAILABLE: Final = "docs.tryvox.co, list available numbers"
_AGENTS: Final = "a third party's script, which names docs.tryvox.co as its source"
_AGENT: Final = "path: docs.tryvox.co, register a number; body: a third party's reading of the vendor's OpenAPI file"

_IMPORTED: Final = frozenset({Origin.IMPORTED})
_PURCHASED: Final = frozenset({Origin.PURCHASED})

OPERATIONS: Final[Mapping[Operation, OperationSupport]] = {
    Operation.LIST: OperationSupport(source=_LIST, note="one series of requests per status"),
    Operation.GET: OperationSupport(source=_GET),
    Operation.FIND: OperationSupport(source=_LIST, note="no look-up by number: reads the whole list"),
    Operation.IMPORT: OperationSupport(source=_REGISTER, origins=_IMPORTED),
    Operation.UPDATE_LABEL: OperationSupport(
        source=_SIP, origins=_IMPORTED, note="goes through the trunk settings; no documented way for purchased numbers"
    ),
    Operation.UPDATE_SIP: OperationSupport(source=_SIP, origins=_IMPORTED),
    Operation.ASSIGN_AGENTS: OperationSupport(source=_AGENT),
    Operation.RELEASE: OperationSupport(source=_CANCEL),
    Operation.REVOKE_RELEASE: OperationSupport(source=_REVOKE, origins=_PURCHASED),
    Operation.SEARCH_AVAILABLE: OperationSupport(source=_AVAILABLE, origins=_PURCHASED),
    Operation.LIST_AGENTS: OperationSupport(source=_AGENTS),
}
"""Purchase is missing on purpose: its path is known, its body is not."""

AS_IS: Final = frozenset({NumberKind.SERVICE, NumberKind.LOCAL})
"""Numbers without an E.164 form, which vox may know all the same."""

# `current` and `production` are the model's DRAFT and PUBLISHED, and so no literals.
FROZEN_VERSION: Final = "v[1-9][0-9]*"
"""vox's own words for versions of an agent: a regular expression, to be matched in full."""

# The password cannot be read back, so nobody but the caller can send it along.
_WITH_PASSWORD: Final = frozenset({Field.PASSWORD})

FIELDS: Final[Mapping[Field, FieldSupport]] = {
    Field.LABEL: FieldSupport(
        source=_SIP, read_from="memo", clearable=True, max_length=200, note="the memo of an imported number"
    ),
    Field.INBOUND_AGENT: FieldSupport(
        source=_AGENT, read_from="inbound_agent", clearable=True, note="null unmaps by the convention of v3"
    ),
    Field.OUTBOUND_AGENT: FieldSupport(
        source=_AGENT, read_from="outbound_agent", clearable=True, note="null unmaps by the convention of v3"
    ),
    Field.ADDRESS: FieldSupport(
        source=_SIP,
        read_from="address",
        clearable=True,
        required_on_import=True,
        requires=_WITH_PASSWORD,
        note="a change has to carry the password; whether clearing does as well is our cautious reading",
    ),
    # No answer shows a user name, or whether there is one.
    Field.USERNAME: FieldSupport(source=_SIP, readable=False, clearable=True, requires=_WITH_PASSWORD),
    Field.PASSWORD: FieldSupport(source=_SIP, readable=False, note="what null would do is not documented"),
}

CAPABILITIES: Final = Capabilities(
    region=REGION,
    operations=OPERATIONS,
    fields=FIELDS,
    importable=ImportableNumbers(
        kinds=frozenset({NumberKind.E164}),
        countries=frozenset({REGION}),
        as_is=AS_IS,
        source=_REGISTER,
        note="1 to 20 digits, in Korean national form",
    ),
    address_forms=AddressForms(
        # Nothing is refused here that vox might take; what is beyond the sample is warned of (`check`).
        sips=True,
        transport=True,
        user=True,
        params=True,
        source=_REGISTER,
        note="the sample is sip:host:port; the accepted grammar is not documented, so anything else may be refused",
    ),
    allow_list=AllowListMeaning(
        when_missing=Admits.UNKNOWN,
        when_empty=Admits.UNKNOWN,
        source="no page that could be read names an allow-list, or says who may call in",
        note="no request has a field for it: there is nothing to set or to consent to; restrict callers at the carrier",
    ),
    agent_versions=AgentVersions(
        kinds=frozenset({AgentVersion.PUBLISHED, AgentVersion.DRAFT}),
        literals=FROZEN_VERSION,
        literals_in_words="a frozen version (v1, v2, …)",
        readable=True,
        source=_AGENT,
    ),
    release={
        # The page on revoking speaks of vox numbers alone; for an own one no way back is documented.
        Origin.PURCHASED: ReleaseTerms(effect=ReleaseEffect.END_OF_PERIOD, revocable=True, source=_CANCEL),
        Origin.IMPORTED: ReleaseTerms(effect=ReleaseEffect.IMMEDIATE, revocable=False, source=_CANCEL),
    },
    inbound_host=InboundHost(host=None, source="no page that could be read names it", note="ask the vendor"),
    unmodelled=UnmodelledSettings(
        source="no page that could be read names one", note="every setting of an owned number has a field here"
    ),
    rate_limit=RateLimit(per_second=5, per_minute=120, source="a third party's script; no vendor page states a limit"),
)
