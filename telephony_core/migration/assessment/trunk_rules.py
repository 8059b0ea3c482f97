"""What becomes of a trunk's settings on the way: where it is reached, who may use it, what protects it.

Severity ``block`` stands for what would make a number less safe or less reachable without anybody having said so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from telephony_core.domain.allow_list import is_open, parse_allowed_addresses
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.domain.sip import CredentialState, MediaEncryption, OutboundUpdate, SipConfig
from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import ConfigurationError, InvalidInput, UnsupportedField
from telephony_core.migration.assessment.context import MigrationContext, Rule
from telephony_core.migration.inventory.fields import OPEN, means_the_same, printable
from telephony_core.migration.mapping.map_file import TrunkChoice, reference_problem
from telephony_core.migration.plan.allowances import Allowance
from telephony_core.migration.plan.model import FieldOutcome, Finding, Severity, Trunk
from telephony_core.provider.capabilities import AddressForms, Admits
from telephony_core.provider.capabilities import Field as Setting
from telephony_core.secrets.references import is_reference, read_secret

# -- reaching it


def _sip(number: PhoneNumber) -> SipConfig:
    return number.sip or SipConfig()


def address_rule(number: PhoneNumber, choice: TrunkChoice | None, context: MigrationContext) -> Rule[SipAddress | None]:
    current = _sip(number).outbound.address
    given = None if choice is None else choice.address
    support = context.target.fields.get(Setting.ADDRESS)
    if support is None or not support.writable:
        if current is not None:
            yield context.finding(
                Setting.ADDRESS,
                Severity.BLOCK,
                f"{context.no_place}: it cannot place calls over this trunk",
                FieldOutcome.LOST,
                before=current,
                allowance=Allowance.ADDRESS,
            )
        return None
    desired = given or current
    if desired is None:
        if support.required_on_import:
            yield context.finding(
                Setting.ADDRESS,
                Severity.BLOCK,
                f"{context.target_name} needs the trunk's address, and {context.source_name} shows none",
                FieldOutcome.NEEDS_INPUT,
                remedy="give `address` under [[trunks]] in the map",
            )
        else:
            yield context.finding(
                Setting.ADDRESS,
                Severity.WARN,
                f"{context.source_name} shows none, so the number will only receive calls",
                FieldOutcome.DEFAULTED,
                remedy="give `address` under [[trunks]] in the map if it is to place calls",
            )
        return None
    fitted, skipped = _fitted(desired, context.target.address_forms)
    if current is not None and current.security == "tls" and fitted.security != "tls":
        yield context.finding(
            Setting.ADDRESS,
            Severity.BLOCK,
            "signalling to the trunk is TLS now and would not be",
            FieldOutcome.LOST,
            before=current,
            after=fitted,
            remedy="leave the number where TLS can be said",
            allowance=Allowance.TLS,
        )
    elif desired.security == "tls" and fitted.security != "tls":
        yield context.finding(
            Setting.ADDRESS,
            Severity.BLOCK,
            f"the map asks for TLS, and {context.no_place}",
            FieldOutcome.LOST,
            before=desired,
            after=fitted,
            allowance=Allowance.TLS,
        )
    if skipped:
        yield context.finding(
            Setting.ADDRESS,
            Severity.BLOCK,
            f"{context.target_name} has no place for {' and '.join(skipped)}, so the trunk may not be reached",
            FieldOutcome.LOST,
            before=desired,
            after=fitted,
            remedy="give `address` under [[trunks]] in the map if the trunk can be reached otherwise",
            allowance=Allowance.ADDRESS_PARTS,
        )
    if given is not None and (current is None or not means_the_same(current, given)):
        yield context.finding(
            Setting.ADDRESS,
            Severity.WARN if current is not None else Severity.INFO,
            "as the map says",
            FieldOutcome.CONVERTED,
            before=current,
            after=fitted,
        )
    elif fitted.security == desired.security and not skipped:
        yield context.kept(Setting.ADDRESS, desired, written_form(fitted, context.target.address_forms))
    return fitted


def written_form(address: SipAddress, forms: AddressForms | None) -> str:
    """The form in which a provider takes an address, as far as it declares that."""
    if forms is None or forms.sips or forms.transport or forms.user or forms.params:
        return str(address)
    try:
        return address.host_port()
    except UnsupportedField:
        return str(address)


def _fitted(address: SipAddress, forms: AddressForms | None) -> tuple[SipAddress, tuple[str, ...]]:
    """The address in the forms that a provider takes, and what of it (other than TLS) had to be left out."""
    if forms is None:
        return address, ()
    fitted, skipped = address, []
    if fitted.params and not forms.params:
        skipped.append("URI parameters")
        fitted = replace(fitted, params=())
    if fitted.user is not None and not forms.user:
        skipped.append("a user part")
        fitted = replace(fitted, user=None)
    if fitted.transport is not None and not forms.transport:
        if fitted.security != "tls":
            skipped.append(f"the transport {fitted.transport}")
        tls = fitted.security == "tls" and forms.sips
        fitted = replace(fitted, transport=None, scheme="sips" if tls else fitted.scheme)
    if fitted.scheme == "sips" and not forms.sips:
        fitted = replace(fitted, scheme="sip", transport="tls" if forms.transport else None)
    return fitted, tuple(skipped)


def credentials_rule(
    number: PhoneNumber, choice: TrunkChoice | None, address: SipAddress | None, context: MigrationContext
) -> Rule[Trunk | None]:
    outbound = _sip(number).outbound
    state, authentication = outbound.credentials, None if choice is None else choice.authentication
    if address is None:
        if state is CredentialState.SET:
            message = "without an address there is no trunk that they could be for"
            yield context.finding(Setting.PASSWORD, Severity.WARN, message, FieldOutcome.LOST)
        return None
    if not (context.target.can_write(Setting.USERNAME) and context.target.can_write(Setting.PASSWORD)):
        if state is not CredentialState.NONE and authentication != "none":
            yield context.finding(
                Setting.PASSWORD,
                Severity.BLOCK,
                f"{context.target_name} cannot authenticate at a trunk"
                + (
                    ""
                    if state is CredentialState.SET
                    else f", and {context.source_name} does not tell whether it has to"
                ),
                FieldOutcome.LOST,
                before=outbound.username,
                remedy='say auth = "none" under [[trunks]] in the map if the trunk knows its callers by address',
                allowance=Allowance.CREDENTIALS,
            )
        return None
    if choice is None or authentication is None:
        if state is CredentialState.NONE:
            yield context.finding(Setting.PASSWORD, Severity.INFO, "the trunk has no credentials", FieldOutcome.KEPT)
            return None
        yield context.finding(
            Setting.PASSWORD,
            Severity.BLOCK,
            f"no provider gives a password back, and the map does not say how {context.target_name} authenticates here",
            FieldOutcome.NEEDS_INPUT,
            before=outbound.username,
            remedy='give username and password, or auth = "none", under [[trunks]] in the map',
        )
        return None
    if authentication == "none":
        known = state is CredentialState.SET
        yield context.finding(
            Setting.PASSWORD,
            Severity.WARN if known else Severity.INFO,
            "none, as the map says"
            + (f", although the trunk has credentials at {context.source_name}" if known else ""),
            FieldOutcome.LOST if known else FieldOutcome.KEPT,
            before=outbound.username,
        )
        return Trunk(name=choice.name, auth="none")
    yield from _digest(choice, outbound.username, context)
    return Trunk(name=choice.name, auth="digest", username=choice.username, password=choice.password)


def _digest(choice: TrunkChoice, current: str | None, context: MigrationContext) -> Iterator[Finding]:
    username, password = choice.username or "", choice.password or ""
    if is_reference(username):
        yield context.finding(Setting.USERNAME, Severity.INFO, f"read from {username} when the plan is applied")
    elif current is None or current == username:
        yield context.finding(
            Setting.USERNAME, Severity.INFO, "as the map says", FieldOutcome.KEPT, before=current, after=username
        )
    else:
        message = f"the map names another user than {context.source_name} has"
        yield context.finding(
            Setting.USERNAME, Severity.WARN, message, FieldOutcome.CONVERTED, before=current, after=username
        )
    yield context.finding(
        Setting.PASSWORD,
        Severity.INFO,
        f"read from {password} when the plan is applied; only a call can show that it is the right one",
    )
    for name, text in ((Setting.USERNAME, username), (Setting.PASSWORD, password)):
        if not is_reference(text):
            continue
        if (problem := reference_problem(text)) is not None:
            remedy = f"put it there, or name another source for {choice.name!r} in the map"
            yield context.finding(name, Severity.BLOCK, problem, FieldOutcome.NEEDS_INPUT, remedy=remedy)
        elif (problem := _unusable(text, name)) is not None:
            remedy = (
                "put the secret itself there, alone, in UTF-8 without a byte order mark, or name another source for "
                f"{choice.name!r} in the map"
            )
            yield context.finding(name, Severity.BLOCK, problem, FieldOutcome.NEEDS_INPUT, remedy=remedy)


def _unusable(reference: str, name: Setting) -> str | None:
    """Why what a reference leads to cannot be meant, or ``None``. It is read and forgotten; no prompt asks yet."""
    if reference.startswith("prompt:"):
        return None
    what = str(name)
    try:
        secret = read_secret(reference, what=what)
        if name is Setting.USERNAME:
            OutboundUpdate(username=secret.get_secret_value())
    except ConfigurationError as error:
        return error.message.removeprefix(f"{what}: ")
    except InvalidInput:  # whose text may repeat it
        return f"what {reference} leads to is no user name of a trunk"
    return None


# -- what protects a trunk

_STRENGTH: Final = {MediaEncryption.DISABLE: 0, MediaEncryption.ALLOW: 1, MediaEncryption.REQUIRE: 2}


def encryption_rule(number: PhoneNumber, name: Setting, context: MigrationContext) -> Rule[MediaEncryption | None]:
    inbound = name is Setting.INBOUND_ENCRYPTION
    half = _sip(number).inbound if inbound else _sip(number).outbound
    allowance = Allowance.INBOUND_MEDIA_ENCRYPTION if inbound else Allowance.OUTBOUND_MEDIA_ENCRYPTION
    current = half.media_encryption
    writable = context.target.can_write(name)
    if current is None:
        if writable:
            message = f"{context.source_name} has no such setting, so the default of {context.target_name} holds"
            yield context.finding(name, Severity.INFO, message, FieldOutcome.DEFAULTED)
        return None
    if current is MediaEncryption.UNKNOWN:
        word = printable(half.provider_media_encryption or "")
        yield context.finding(
            name,
            Severity.BLOCK,
            f"{context.source_name} says {word!r}, an unknown word; it may be more than {context.target_name} would do",
            FieldOutcome.DEFAULTED if writable else FieldOutcome.LOST,
            before=word or current,
            allowance=allowance,
        )
        return None
    if writable:
        yield context.kept(name, current, current)
        return current
    if _STRENGTH[current]:
        yield context.finding(
            name,
            Severity.BLOCK,
            f"{context.no_place}: calls that are encrypted now may not be",
            FieldOutcome.LOST,
            before=current,
            allowance=allowance,
        )
    else:
        yield context.finding(name, Severity.INFO, context.no_place, FieldOutcome.LOST, before=current)
    return None


def allowed_addresses_rule(
    number: PhoneNumber, choice: TrunkChoice | None, context: MigrationContext
) -> Rule[tuple[tuple[str, ...] | None, bool]]:
    current = _sip(number).inbound.allowed_addresses
    given = None if choice is None else choice.allowed_addresses
    name = Setting.ALLOWED_ADDRESSES
    if not context.target.can_write(name):
        yield from _list_lost(current, given, context)
        return None, False
    if given is None and current is None:
        return (yield from _no_list(context))
    desired = given if given is not None else _readable(current or ())
    if desired is None:
        yield context.finding(
            name,
            Severity.BLOCK,
            "it holds an entry that is no IP address or network, and cannot be written again",
            FieldOutcome.NEEDS_INPUT,
            before=current,
            remedy="give `allowed_addresses` under [[trunks]] in the map",
        )
        return None, False
    if not desired and (odd := _empty_means_other(given, context)) is not None:
        yield context.finding(
            name,
            Severity.BLOCK,
            odd,
            FieldOutcome.NEEDS_INPUT,
            before=current,
            remedy="give `allowed_addresses` under [[trunks]] in the map",
        )
        return None, False
    if not desired and context.target.admits_with_empty_list is Admits.NOBODY:
        yield context.finding(
            name, Severity.WARN, "an empty list, which lets nobody call in", FieldOutcome.KEPT, before=current
        )
        return desired, True  # an empty list is written only with this consent, whatever it means
    if is_open(desired):
        yield context.finding(
            name,
            Severity.BLOCK,
            "every source may call in" if not desired else "a large share of the internet may call in",
            FieldOutcome.KEPT if given is None else FieldOutcome.CONVERTED,
            before=current,
            after=desired,
            remedy="give `allowed_addresses` under [[trunks]] in the map",
            allowance=Allowance.ALLOW_ANY,
        )
        return desired, Allowance.ALLOW_ANY in context.allowed
    if given is not None:
        severity = Severity.INFO if current is None or means_the_same(current, given) else Severity.WARN
        yield context.finding(name, severity, "as the map says", FieldOutcome.CONVERTED, before=current, after=given)
    else:
        yield context.kept(name, current, desired)
    return desired, False


def _no_list(context: MigrationContext) -> Rule[tuple[tuple[str, ...] | None, bool]]:
    """Neither the source nor the map tells of a list, so what the target does without one decides."""
    admits = context.target.admits_without_list
    nobody = admits is Admits.NOBODY
    does = {
        Admits.EVERYBODY: "lets everybody call in",
        Admits.NOBODY: "lets nobody call in",
        Admits.UNKNOWN: "may let everybody call in (nobody says)",
    }[admits]
    yield context.finding(
        Setting.ALLOWED_ADDRESSES,
        Severity.WARN if nobody else Severity.BLOCK,
        f"{context.source_name} tells of no allow-list, and without one {context.target_name} {does}",
        FieldOutcome.DEFAULTED,
        remedy="give `allowed_addresses` under [[trunks]] in the map: the addresses that the carrier calls from",
        allowance=None if nobody else Allowance.ALLOW_ANY,
    )
    return None, not nobody and Allowance.ALLOW_ANY in context.allowed


def _empty_means_other(given: tuple[str, ...] | None, context: MigrationContext) -> str | None:
    """Why an empty list cannot cross as it is, where it means the opposite at the two ends."""
    here, there = context.source.admits_with_empty_list, context.target.admits_with_empty_list
    if given is None and here is Admits.NOBODY and there is not Admits.NOBODY:
        return f"an empty list lets nobody call in at {context.source_name}, and may let all at {context.target_name}"
    if there is Admits.NOBODY and (given is not None or here is not Admits.NOBODY):
        return f"an empty list lets nobody call in at {context.target_name}"
    return None


def _list_lost(
    current: tuple[str, ...] | None, given: tuple[str, ...] | None, context: MigrationContext
) -> Iterator[Finding]:
    name = Setting.ALLOWED_ADDRESSES
    if current or given:
        yield context.finding(
            name,
            Severity.BLOCK,
            f"{context.no_place}: who may call in is no longer restricted there",
            FieldOutcome.LOST,
            before=current or given,
            remedy="restrict the callers at the carrier",
            allowance=Allowance.ALLOWED_ADDRESSES,
        )
    elif current == ():
        yield context.finding(
            name, Severity.INFO, f"{context.no_place}, and it was open", FieldOutcome.LOST, before=OPEN
        )
    elif name in context.source.fields:
        message = f"{context.no_place}, and {context.source_name} does not tell whether there is a list"
        yield context.finding(name, Severity.WARN, message, FieldOutcome.LOST)


def _readable(entries: tuple[str, ...]) -> tuple[str, ...] | None:
    try:
        return parse_allowed_addresses(entries, allow_any=True)
    except InvalidInput:
        return None
