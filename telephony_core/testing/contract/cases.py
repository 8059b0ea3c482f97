"""Which cases follow from what a provider declares: the parameters of the kit, by the name a test asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from telephony_core.domain.agents import AgentVersion
from telephony_core.domain.lifecycle import Origin
from telephony_core.domain.number_identity import NumberKind
from telephony_core.provider.capabilities import AddressForms, Capabilities, Field, Operation, ReleaseEffect

WRITTEN_BY: Final[Mapping[Field, Operation]] = {
    Field.LABEL: Operation.UPDATE_LABEL,
    Field.INBOUND_AGENT: Operation.ASSIGN_AGENTS,
    Field.OUTBOUND_AGENT: Operation.ASSIGN_AGENTS,
    **{name: Operation.UPDATE_SIP for name in Field if "." in name},
}
"""The operation that writes a field of an existing number."""

CHANGES: Final = (
    Operation.UPDATE_LABEL,
    Operation.UPDATE_SIP,
    Operation.ASSIGN_AGENTS,
    Operation.RELEASE,
    Operation.REVOKE_RELEASE,
)
"""Operations that change an existing number."""

OPTIONAL: Final = (Operation.IMPORT, *CHANGES, Operation.SEARCH_AVAILABLE, Operation.LIST_AGENTS)
"""Operations that a provider may leave out. `FIND` is not among them: core pages through the list."""

# Hosts below .example, which never resolve (RFC 2606).
ADDRESSES: Final[Mapping[str, str]] = {
    "sips": "sips:trunk.contract.example:5071",
    "transport": "sip:trunk.contract.example:5070;transport=tcp",
    "user": "sip:line-7@trunk.contract.example:5070",
    "params": "sip:trunk.contract.example:5070;lr",
}
"""A SIP address for each form of `AddressForms`."""

ORIGINS: Final = (Origin.PURCHASED, Origin.IMPORTED, Origin.LINKED)


@dataclass(frozen=True, slots=True)
class OriginCase:
    """An operation and an origin of numbers."""

    operation: Operation
    origin: Origin

    def __str__(self) -> str:
        return f"{self.operation}-{self.origin}"


def _written(capabilities: Capabilities) -> list[Field]:
    return [name for name in Field if capabilities.can_write(name)]


def _changeable(capabilities: Capabilities) -> list[Field]:
    """The fields of existing numbers whose operation is offered."""
    return [name for name in Field if capabilities.offers(WRITTEN_BY[name])]


def _forms(capabilities: Capabilities, *, offered: bool) -> list[str]:
    forms = capabilities.address_forms or AddressForms(source="")
    writable = capabilities.offers(Operation.UPDATE_SIP) and capabilities.can_write(Field.ADDRESS)
    return [form for form in ADDRESSES if writable and getattr(forms, form) is offered]


def _versions(capabilities: Capabilities, *, offered: bool) -> list[AgentVersion]:
    rules = capabilities.agent_versions
    if rules is None or not capabilities.offers(Operation.ASSIGN_AGENTS):
        return []
    return [version for version in AgentVersion if (version in rules.kinds) is offered]


def _released(capabilities: Capabilities, effect: ReleaseEffect) -> list[Origin]:
    if not capabilities.offers(Operation.RELEASE):
        return []
    return [origin for origin, terms in capabilities.release.items() if origin in ORIGINS and terms.effect is effect]


def _kinds(capabilities: Capabilities, choose: Callable[[NumberKind], bool]) -> list[NumberKind]:
    return [kind for kind in NumberKind if capabilities.importable is not None and choose(kind)]


def _as_is(capabilities: Capabilities) -> frozenset[NumberKind]:
    return frozenset() if capabilities.importable is None else capabilities.importable.as_is


def _taken(capabilities: Capabilities) -> frozenset[NumberKind]:
    return frozenset() if capabilities.importable is None else capabilities.importable.kinds


CASES: Final[Mapping[str, Callable[[Capabilities], Sequence[object]]]] = {
    "offered": lambda c: [operation for operation in OPTIONAL if c.offers(operation)],
    "not_offered": lambda c: [operation for operation in OPTIONAL if not c.offers(operation)],
    "change": lambda c: [operation for operation in CHANGES if c.offers(operation)],
    "right_origin": lambda c: [
        OriginCase(operation, origin)
        for operation in CHANGES
        for origin in ORIGINS
        if operation in c.operations and origin in c.operations[operation].origins
    ],
    "wrong_origin": lambda c: [
        OriginCase(operation, origin)
        for operation in CHANGES
        for origin in ORIGINS
        if c.offers(operation) and not c.offers(operation, origin)
    ],
    "writable": lambda c: [name for name in _changeable(c) if c.can_write(name)],
    "unwritable": lambda c: [name for name in _changeable(c) if not c.can_write(name)],
    "clearable": lambda c: [name for name in _changeable(c) if c.can_clear(name)],
    "unclearable": lambda c: [name for name in _changeable(c) if c.can_write(name) and not c.can_clear(name)],
    "unreadable": lambda c: [name for name in Field if not c.can_read(name) and name is not Field.PASSWORD],
    "trunk_field": lambda c: [n for n in _changeable(c) if WRITTEN_BY[n] is Operation.UPDATE_SIP and c.can_write(n)],
    "dependent": lambda c: [name for name in _written(c) if c.fields[name].requires],
    "required": lambda c: [name for name in _written(c) if c.fields[name].required_on_import],
    "not_importable": lambda c: [name for name in Field if c.offers(Operation.IMPORT) and not c.can_write(name)],
    "address_form": lambda c: _forms(c, offered=True),
    "missing_address_form": lambda c: _forms(c, offered=False),
    "version": lambda c: _versions(c, offered=True),
    "missing_version": lambda c: _versions(c, offered=False),
    "kind_as_is": lambda c: _kinds(c, lambda kind: kind in _as_is(c)),
    "kind_taken": lambda c: _kinds(c, lambda kind: kind in _taken(c)),
    "kind_refused": lambda c: _kinds(c, lambda kind: kind not in _taken(c) and kind not in _as_is(c)),
    "ends_at_once": lambda c: _released(c, ReleaseEffect.IMMEDIATE),
    "ends_later": lambda c: _released(c, ReleaseEffect.END_OF_PERIOD),
    "unmodelled_setting": lambda c: [] if c.unmodelled is None else list(c.unmodelled.names),
    "revocable": lambda c: [origin for origin in c.release if c.release[origin].revocable],
}
"""Values by parameter name. Where there is none, the test is skipped, with the reason."""


def values_of(name: str, capabilities: Capabilities) -> Iterable[object]:
    """The values of one parameter, in an order that is the same in every process."""
    return sorted(CASES[name](capabilities), key=str)
