"""Every problem of a change, derived from what the provider declares. Sends nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from contextlib import suppress
from typing import Final

from telephony_core.domain.agents import AgentRef, AgentVersion
from telephony_core.domain.allow_list import is_open
from telephony_core.domain.input_model import UNSET, Unset
from telephony_core.domain.lifecycle import NumberStatus, Origin
from telephony_core.domain.number_identity import NumberIdentity, NumberKind
from telephony_core.domain.number_parsing import is_written_as_number, parse_number
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import InboundUpdate
from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import (
    LISTED,
    InvalidInput,
    NotAllowed,
    Remedy,
    TelephonyError,
    UnsupportedField,
    UnsupportedOperation,
    WrongState,
)
from telephony_core.operations.reconciliation import trunk_settings
from telephony_core.provider.capabilities import AddressForms, Admits, Capabilities, Field, Operation
from telephony_core.provider.changes import (
    AgentAssignment,
    Change,
    LabelUpdate,
    NumberImport,
    NumberRelease,
    ReleaseRevocation,
    SipUpdate,
)
from telephony_core.provider.port import Problem, Provider
from telephony_core.text.visible import STEERING, visible

OPERATION_OF: dict[type[Change], Operation] = {
    NumberImport: Operation.IMPORT,
    LabelUpdate: Operation.UPDATE_LABEL,
    SipUpdate: Operation.UPDATE_SIP,
    AgentAssignment: Operation.ASSIGN_AGENTS,
    NumberRelease: Operation.RELEASE,
    ReleaseRevocation: Operation.REVOKE_RELEASE,
}

_AS_IS: Final = Remedy(
    "check its spelling, or send it as it is with `send_as_is=True`",
    cli="check its spelling, or send it as it is with --send-as-is",
)
_NO_LABEL: Final = Remedy("give None to take the label away", cli="say --clear to take the label away")


def identity_of(change: NumberImport, region: str) -> NumberIdentity:
    """The number of an import; verbatim with ``send_as_is``. Raises `InvalidInput` for what cannot be a number."""
    if change.send_as_is:
        return NumberIdentity.parse(change.number, region=region)
    return parse_number(change.number, region=region)


def in_e164(change: NumberImport, region: str) -> NumberImport:
    """The same import with its number in E.164 where it was given behind an international prefix (``0034…``)."""
    verbatim = NumberIdentity.parse(change.number, region=region)
    if verbatim.e164 is None and (identity := identity_of(change, region)).e164 is not None:
        return change.model_copy(update={"number": identity.e164})
    return change


_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


def fault_of_id(id: object, provider: Provider) -> InvalidInput | None:
    """Why this is no id: nothing, a record, or a number, which providers answer with an error about something else."""
    if isinstance(id, PhoneNumber):
        return InvalidInput("this is a record, not its id", remedy=f"the id of this one is {id.id!r}, in its `id`")
    if not isinstance(id, str):
        return InvalidInput(f"an id is text, not {type(id).__name__}", remedy=LISTED)
    if not id.strip():
        return InvalidInput("the id is empty", remedy=LISTED)
    # A UUID may have digits and hyphens only, as a number does.
    if provider.ids_look_like_numbers or _UUID.fullmatch(id) or not is_written_as_number(id):
        return None
    region = provider.capabilities.region
    if id.isdigit() and NumberIdentity.parse(id, region=region).kind is not NumberKind.E164:
        return None  # digits alone may be an id as well as a number
    return InvalidInput(
        f"{id} is a number, and what is meant here is the id of a record",
        remedy=Remedy(
            f"`find_number({id!r})` gives its record, which can be handed in itself", cli="say it without --id"
        ),
    )


def problems_of(change: Change, provider: Provider) -> list[Problem]:
    """Every problem of a change at once: what the capabilities rule out, then what the adapter itself knows."""
    if isinstance(change, NumberImport):
        with suppress(InvalidInput):  # it is told below
            change = in_e164(change, provider.capabilities.region)
    if not isinstance(change, Change):
        names = ", ".join(kind.__name__ for kind in OPERATION_OF)
        return [Problem.invalid("change", f"this is a {type(change).__name__}", remedy=f"give one of: {names}")]
    problems = list(_refusals(change, provider))
    if not any(isinstance(problem.error, UnsupportedOperation) for problem in problems):
        problems += provider.check(change)
        problems += _who_may_call(change, provider)  # last: nobody is asked to consent to what cannot be done anyway
    return problems


def _refusals(change: Change, provider: Provider) -> Iterator[Problem]:
    capabilities = provider.capabilities
    operation = OPERATION_OF[type(change)]
    number = None if isinstance(change, NumberImport) else change.number
    if isinstance(number, str) and (fault := fault_of_id(number, provider)) is not None:
        yield Problem.of("number", fault)
        return
    origin = number.origin if isinstance(number, PhoneNumber) else Origin.UNKNOWN
    # Judged no further: its origin and status are words of the other provider.
    if isinstance(number, PhoneNumber) and number.provider != provider.slug:
        yield Problem.invalid(
            "number",
            f"this record is {number.provider}'s, and the client talks to {provider.slug}",
            remedy=Remedy(
                "use the client that read it, or find the number here with `find_number()`",
                cli="use the connection that it belongs to, or find the number with `telephony numbers show`",
            ),
        )
        return
    if not capabilities.offers(operation):
        yield Problem.of(operation, provider.not_offered(operation))
        return
    if not capabilities.offers(operation, origin):
        offered = ", ".join(sorted(capabilities.operations[operation].origins))
        yield Problem.of(
            operation,
            UnsupportedOperation(
                f"{provider.slug} cannot {operation.phrase} that was {origin}, only one that was {offered}",
                remedy="make this change in the provider's dashboard, if it offers it there",
            ),
        )
        return
    if isinstance(number, PhoneNumber):
        yield from _state(operation, number)
    match change:
        case NumberImport():
            yield from _import(change, provider)
        case LabelUpdate():
            yield from _label(change.label, provider)
        case SipUpdate():
            yield from _sip(change, provider)
        case AgentAssignment():
            yield from _agents(change, capabilities, provider.slug)
        case NumberRelease():
            yield from _release(change, provider)
        case ReleaseRevocation():
            pass


def _state(operation: Operation, number: PhoneNumber) -> Iterator[Problem]:
    # An unknown status forbids nothing: the provider decides.
    wrong: str | None = None
    remedy: str | None = None  # what the error says by itself: read the number again
    if number.status is NumberStatus.RELEASED:
        wrong, remedy = "it is released", "a released record cannot be changed; import the number again"
    elif operation is Operation.RELEASE and number.status is NumberStatus.RELEASE_SCHEDULED:
        wrong = "its release is scheduled already"
    elif operation is Operation.REVOKE_RELEASE and number.status in (NumberStatus.ACTIVE, NumberStatus.PENDING):
        wrong = "no release of it is scheduled"
    if wrong is not None:
        yield Problem.of("status", WrongState(f"cannot {operation.phrase}, {number.identity}: {wrong}", remedy=remedy))


def _import(change: NumberImport, provider: Provider) -> Iterator[Problem]:
    capabilities = provider.capabilities
    yield from _identity(change, capabilities, provider.slug)
    if change.label is not None:
        yield from _label(change.label, provider)
    yield from _halves(change, provider)
    if change.inbound_agent is not None or change.outbound_agent is not None:
        assigned = AgentAssignment("", change.inbound_agent or UNSET, change.outbound_agent or UNSET)
        if capabilities.offers(Operation.ASSIGN_AGENTS):
            yield from _agents(assigned, capabilities, provider.slug)
        else:
            yield Problem.of("inbound_agent", provider.not_offered(Operation.ASSIGN_AGENTS))
    yield from _options(change, provider)


def _identity(change: NumberImport, capabilities: Capabilities, slug: str) -> Iterator[Problem]:
    rules = capabilities.importable
    if rules is None:
        return
    try:
        identity = identity_of(change, capabilities.region)
    except InvalidInput as unclear:
        yield Problem.of("number", unclear)
        return
    if identity.kind not in rules.kinds and not (change.send_as_is and identity.kind in rules.as_is):
        if identity.kind is NumberKind.LOCAL and identity.kind not in rules.as_is:
            error: TelephonyError = InvalidInput(
                f"the number {identity} is neither valid E.164 nor a full national number in {capabilities.region}",
                remedy="give it in E.164, with + and country code",
            )
        else:
            error = UnsupportedField(
                f"{slug} takes no {_kind(identity)} here{_shown(identity)}",
                field="number",
                remedy=_AS_IS if identity.kind in rules.as_is else "check its spelling; it cannot be moved here",
            )
        yield Problem.of("number", error)
    elif identity.e164 is not None and rules.countries is not None and identity.region not in rules.countries:
        countries = ", ".join(sorted(rules.countries))
        yield Problem.unsupported(
            "number",
            f"{slug} takes numbers of {countries} only; {identity.e164} is of {identity.region or 'no country'}",
            remedy="import it at a provider that takes this country",
        )


def _shown(identity: NumberIdentity) -> str:
    """The number itself, unless it is an address, which may hold what nobody should see."""
    return "" if identity.kind is NumberKind.SIP_ID else f": {identity}"


def _kind(identity: NumberIdentity) -> str:
    return {
        NumberKind.E164: "E.164 number",
        NumberKind.SERVICE: "service number or short code",
        NumberKind.LOCAL: "number without an E.164 form",
        NumberKind.SIP_ID: "SIP identifier",
    }[identity.kind]


def _label(label: str | None, provider: Provider) -> Iterator[Problem]:
    yield from _leaf(Field.LABEL, label, provider)
    support = provider.capabilities.fields.get(Field.LABEL)
    if label is not None and support is not None and support.max_length is not None and len(label) > support.max_length:
        yield Problem.invalid(
            Field.LABEL,
            f"the label has {len(label)} characters; {provider.slug} takes {support.max_length}",
            remedy="shorten it",
        )
    if label is not None and not label.strip():
        yield Problem.invalid(Field.LABEL, "the label is empty", remedy=_NO_LABEL)
    if label is not None and (found := STEERING.search(label)) is not None:
        yield Problem.invalid(
            Field.LABEL,
            f"the label holds {visible(found[0])}, which nobody sees and which may change what is shown",
            remedy="type it anew, or copy the visible text alone",
        )


def _sip(change: SipUpdate, provider: Provider) -> Iterator[Problem]:
    if not trunk_settings(change):
        yield Problem.invalid("sip", "the update changes nothing", remedy="set at least one field")
        return
    yield from _halves(change, provider)
    yield from _options(change, provider)


def _halves(change: NumberImport | SipUpdate, provider: Provider) -> Iterator[Problem]:
    given = trunk_settings(change)
    for name, value in given.items():
        yield from _leaf(name, value, provider)
    if isinstance(change, SipUpdate):  # on an import the pair rule of NumberImport holds instead
        yield from _together(given.keys(), provider.waives(change), provider)
    address = given.get(Field.ADDRESS)
    if isinstance(address, SipAddress) and provider.capabilities.address_forms is not None:
        yield from _address(address, provider.capabilities.address_forms, provider.slug)
    if isinstance(change, NumberImport):
        has = given.keys() | (set() if change.label is None else {Field.LABEL})
        for name, support in provider.capabilities.fields.items():
            if support.required_on_import and name not in has:
                remedy = f"{provider.slug} needs it to import a number"
                remedy += "; the number itself will do" if name is Field.LABEL else ""
                yield Problem.invalid(name, f"{name} is missing", remedy=remedy)


def _who_may_call(change: Change, provider: Provider) -> Iterator[Problem]:
    """Nothing is opened by leaving a list out, emptying or clearing it: what that means is the provider's to declare.

    `InboundUpdate` asks for ``allow_any`` by itself where a list is open, whatever the provider.
    """
    capabilities, slug = provider.capabilities, provider.slug
    if not isinstance(change, NumberImport | SipUpdate) or not capabilities.can_write(Field.ALLOWED_ADDRESSES):
        return
    inbound = change.inbound if isinstance(change.inbound, InboundUpdate) else InboundUpdate()
    says = "allowed_addresses" in inbound.changes
    allowed = inbound.allowed_addresses if says else None
    if not says and not isinstance(change, NumberImport):
        return  # an update leaves the list as it is
    if allowed is not None:
        admits, what = capabilities.admits_with_empty_list, "an empty allow-list"
        # `InboundUpdate` refuses an open list itself, but not one that came past its checks (`model_construct`).
        if allowed:
            admits, what = Admits.EVERYBODY if is_open(allowed) else Admits.UNKNOWN, "this allow-list"
    else:
        admits, what = capabilities.admits_without_list, "without an allow-list"
        if says and not capabilities.can_clear(Field.ALLOWED_ADDRESSES):
            return  # refused already, as a field that cannot be cleared
    if admits is Admits.NOBODY:
        yield Problem(
            Field.ALLOWED_ADDRESSES,
            f"{what} {slug} lets nobody call in" if allowed is None else f"{what} lets nobody call in at {slug}",
            remedy="name the addresses of the carrier, unless the number is to receive no calls",
        )
    elif not inbound.allow_any and (admits is Admits.EVERYBODY or not allowed):
        who = "a large share of the internet" if allowed else "everybody"
        lets = f"lets {who} call in" if admits is Admits.EVERYBODY else f"may let {who} call in"
        unsure = "" if admits is Admits.EVERYBODY else "; its documentation does not say"
        yield Problem.of(
            Field.ALLOWED_ADDRESSES,
            NotAllowed(
                f"{what} {slug} {lets}{unsure}" if allowed is None else f"{what} {lets} at {slug}{unsure}",
                allowance="allow_any",
                remedy=Remedy(
                    "name the addresses of the carrier, or pass `allow_any=True` if everybody may call in",
                    cli="name the addresses of the carrier, or say --allow-any if everybody may call in",
                ),
            ),
        )


def _together(given: Set[Field], waived: Set[Field], provider: Provider) -> Iterator[Problem]:
    for name in sorted(given - waived):
        support = provider.capabilities.fields.get(name)
        if support is not None and (missing := sorted(support.requires - given)):
            yield Problem.invalid(
                name,
                f"a change of {name} has to carry {', '.join(missing)} as well",
                remedy=f"give it along: {provider.slug} does not keep what it has",
            )


def _leaf(name: Field, value: object, provider: Provider) -> Iterator[Problem]:
    """Whether this field can be written, or cleared, at all."""
    capabilities, slug = provider.capabilities, provider.slug
    if not capabilities.can_write(name):
        yield Problem.unsupported(
            name, f"{slug} does not support it", remedy="leave it out, or set it where the trunk is run"
        )
    elif value is None and not capabilities.can_clear(name):
        yield Problem.unsupported(
            name, f"{slug} documents no way to clear it", remedy="set another value, or leave it as it is"
        )


def _address(address: SipAddress, forms: AddressForms, slug: str) -> Iterator[Problem]:
    for part, words in address.uri_parts.items():
        if not getattr(forms, part):
            no_place = f"{slug} does not support {words} in a SIP address"
            yield Problem.unsupported(Field.ADDRESS, no_place, remedy="give host[:port]")


def _agents(change: AgentAssignment, capabilities: Capabilities, slug: str) -> Iterator[Problem]:
    pairs = ((Field.INBOUND_AGENT, change.inbound), (Field.OUTBOUND_AGENT, change.outbound))
    given = [(name, agent) for name, agent in pairs if not isinstance(agent, Unset)]
    if not given:
        yield Problem.invalid("agents", "the assignment changes nothing", remedy="give inbound or outbound")
    for name, agent in given:
        if agent is None:
            if not capabilities.can_clear(name):
                yield Problem.unsupported(
                    name,
                    f"{slug} documents no way to take an agent off one number",
                    remedy="assign another agent, or take it off in the provider's dashboard",
                )
        elif not capabilities.can_write(name):
            yield Problem.unsupported(name, f"{slug} does not support it", remedy="leave it out")
        else:
            yield from _version(name, agent, capabilities, slug)


def _version(name: Field, agent: AgentRef, capabilities: Capabilities, slug: str) -> Iterator[Problem]:
    if not agent.agent_id.strip():
        yield Problem.invalid(name, "the agent id is empty", remedy="take it from the provider's dashboard")
    if agent.version is None:
        yield Problem.invalid(
            name,
            "the version is missing",
            remedy=Remedy(
                "say version=PUBLISHED, DRAFT or the provider's own word for one",
                cli="say published, draft or the provider's own word for one",
            ),
        )
        return
    rules = capabilities.agent_versions
    if rules is None:
        return
    if isinstance(agent.version, AgentVersion):
        fits = agent.version in rules.kinds
    else:
        fits = rules.literals is not None and re.fullmatch(rules.literals, agent.version) is not None
    if not fits:
        takes = [str(kind) for kind in sorted(rules.kinds)] + ([rules.literals_in_words] if rules.literals else [])
        yield Problem.unsupported(
            name,
            f"{slug} cannot express the agent version {str(agent.version)[:40]!r}",
            remedy=f"it takes {', '.join(takes)}",
        )


def _release(change: NumberRelease, provider: Provider) -> Iterator[Problem]:
    if not isinstance(change.number, PhoneNumber):
        return  # judged once the record has been read
    for effect in sorted(provider.side_effects(change) - change.allow):
        yield Problem.of(
            "release",
            NotAllowed(
                f"releasing {change.number.identity} {effect} agents, perhaps for other numbers too",
                allowance=effect,
                remedy=Remedy(
                    f"say allow={{SideEffect.{effect.name}}} if that is meant",
                    cli=f"say --allow {effect} if that is meant",
                ),
            ),
        )


def _options(change: NumberImport | SipUpdate, provider: Provider) -> Iterator[Problem]:
    try:
        provider.options(change)
    except InvalidInput as error:
        yield Problem.of("options", error)
