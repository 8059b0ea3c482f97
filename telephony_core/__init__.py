"""One model and one port for phone numbers at any provider.

    with Telephony("vox") as t:
        for n in t.list_numbers():
            print(n.identity, n.status)

What this module exports is supported; adapter authors find the port in `telephony_core.provider.port`. Names are loaded
when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from telephony_core import errors
from telephony_core._version import __version__
from telephony_core.errors import *  # noqa: F403 - the whole tree is public, and named in errors.__all__

if TYPE_CHECKING:
    from telephony_core.accounts.connection import Connection
    from telephony_core.accounts.connections import Connections
    from telephony_core.client import AsyncTelephony, Telephony
    from telephony_core.domain.agents import DRAFT, PUBLISHED, Agent, AgentRef, AgentVersion
    from telephony_core.domain.input_model import UNSET
    from telephony_core.domain.lifecycle import Money, NumberStatus, Origin, Release, SideEffect
    from telephony_core.domain.number_identity import NumberIdentity, NumberKind
    from telephony_core.domain.phone_number import AvailableNumber, PhoneNumber
    from telephony_core.domain.sip import (
        CredentialState,
        InboundSip,
        InboundUpdate,
        MediaEncryption,
        OutboundSip,
        OutboundUpdate,
        SipConfig,
    )
    from telephony_core.domain.sip_address import SipAddress
    from telephony_core.number_index.async_index import AsyncNumberIndex
    from telephony_core.number_index.located import Located
    from telephony_core.number_index.sync_index import NumberIndex
    from telephony_core.observation.events import (
        OperationEvent,
        OperationObserver,
        OperationStart,
        Outcome,
        RequestEvent,
    )
    from telephony_core.operations.reconciliation import Reconciliation, ReconciliationOutcome
    from telephony_core.provider.changes import (
        AgentAssignment,
        LabelUpdate,
        NumberImport,
        NumberRelease,
        ReleaseRevocation,
        SipUpdate,
    )
    from telephony_core.provider.port import Problem
    from telephony_core.transport.pace import Pace, Pacer

# fmt: off
_HOMES: Final = {
    "provider.changes": (
        "AgentAssignment", "LabelUpdate", "NumberImport", "NumberRelease", "ReleaseRevocation", "SipUpdate"
    ),
    "client": ("AsyncTelephony", "Telephony"),
    "accounts.connection": ("Connection",),
    "accounts.connections": ("Connections",),
    "domain.agents": ("DRAFT", "PUBLISHED", "Agent", "AgentRef", "AgentVersion"),
    "domain.input_model": ("UNSET",),
    "domain.lifecycle": ("Money", "NumberStatus", "Origin", "Release", "SideEffect"),
    "domain.number_identity": ("NumberIdentity", "NumberKind"),
    "domain.phone_number": ("AvailableNumber", "PhoneNumber"),
    "domain.sip": (
        "CredentialState", "InboundSip", "InboundUpdate", "MediaEncryption", "OutboundSip", "OutboundUpdate",
        "SipConfig"
    ),
    "domain.sip_address": ("SipAddress",),
    "number_index.async_index": ("AsyncNumberIndex",),
    "number_index.located": ("Located",),
    "number_index.sync_index": ("NumberIndex",),
    "observation.events": ("OperationEvent", "OperationObserver", "OperationStart", "Outcome", "RequestEvent"),
    "provider.port": ("Problem",),
    "operations.reconciliation": ("Reconciliation", "ReconciliationOutcome"),
    "transport.pace": ("Pace", "Pacer"),
}
"""Where the names are defined."""
# fmt: on

__all__ = [
    "DRAFT",
    "PUBLISHED",
    "UNSET",
    "Agent",
    "AgentAssignment",
    "AgentRef",
    "AgentVersion",
    "AsyncNumberIndex",
    "AsyncTelephony",
    "AvailableNumber",
    "Connection",
    "Connections",
    "CredentialState",
    "InboundSip",
    "InboundUpdate",
    "LabelUpdate",
    "Located",
    "MediaEncryption",
    "Money",
    "NumberIdentity",
    "NumberImport",
    "NumberIndex",
    "NumberKind",
    "NumberRelease",
    "NumberStatus",
    "OperationEvent",
    "OperationObserver",
    "OperationStart",
    "Origin",
    "OutboundSip",
    "OutboundUpdate",
    "Outcome",
    "Pace",
    "Pacer",
    "PhoneNumber",
    "Problem",
    "Reconciliation",
    "ReconciliationOutcome",
    "Release",
    "ReleaseRevocation",
    "RequestEvent",
    "SideEffect",
    "SipAddress",
    "SipConfig",
    "SipUpdate",
    "Telephony",
    "__version__",
]
__all__ += errors.__all__


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            found: object = getattr(import_module(f"{__name__}.{home}"), name)
            globals()[name] = found
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
