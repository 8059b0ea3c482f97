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
from telephony_core.migration.assessment.context import Rule, Way
from telephony_core.migration.inventory.fields import OPEN, means_the_same, printable
from telephony_core.migration.mapping.map_file import TrunkChoice, reference_problem
from telephony_core.migration.plan.allowances import Consent
from telephony_core.migration.plan.model import Fate, Finding, Severity, Trunk
from telephony_core.provider.capabilities import AddressForms, Admits
from telephony_core.provider.capabilities import Field as Setting
from telephony_core.secrets.references import is_reference, read_secret

# -- reaching it


def _sip(number: PhoneNumber) -> SipConfig:
    return number.sip or SipConfig()


def address_rule(number: PhoneNumber, choice: TrunkChoice | None, way: Way) -> Rule[SipAddress | None]:
    current = _sip(number).outbound.address
    given = None if choice is None else choice.address
    support = way.target.fields.get(Setting.ADDRESS)
    if support is None or not support.writable:
        if current is not None:
            yield way.finding(
                Setting.ADDRESS,
                Severity.BLOCK,
                f"{way.no_place}: it cannot place calls over this trunk",
                Fate.LOST,
                before=current,
                consent=Consent.ADDRESS,
            )
        return None
    wanted = given or current
    if wanted is None:
        if support.required_on_import:
            yield way.finding(
                Setting.ADDRESS,
                Severity.BLOCK,
                f"{way.target_name} needs the trunk's address, and {way.source_name} shows none",
                Fate.NEEDS_INPUT,
                remedy="give `address` under [[trunks]] in the map",
            )
        else:
            yield way.finding(
                Setting.ADDRESS,
                Severity.WARN,
                f"{way.source_name} shows none, so the number will only receive calls",
                Fate.DEFAULTED,
                remedy="give `address` under [[trunks]] in the map if it is to place calls",
            )
        return None
    fitted, left_out = _fitted(wanted, way.target.address_forms)
    if current is not None and current.security == "tls" and fitted.security != "tls":
        yield way.finding(
            Setting.ADDRESS,
            Severity.BLOCK,
            "signalling to the trunk is TLS now and would not be",
            Fate.LOST,
            before=current,
            after=fitted,
            remedy="leave the number where TLS can be said",
            consent=Consent.TLS,
        )
    elif wanted.security == "tls" and fitted.security != "tls":
        yield way.finding(
            Setting.ADDRESS,
            Severity.BLOCK,
            f"the map asks for TLS, and {way.no_place}",
            Fate.LOST,
            before=wanted,
            after=fitted,
            consent=Consent.TLS,
        )
    if left_out:
        yield way.finding(
            Setting.ADDRESS,
            Severity.BLOCK,
            f"{way.target_name} has no place for {' and '.join(left_out)}, so the trunk may not be reached",
            Fate.LOST,
            before=wanted,
            after=fitted,
            remedy="give `address` under [[trunks]] in the map if the trunk can be reached otherwise",
            consent=Consent.ADDRESS_PARTS,
        )
    if given is not None and (current is None or not means_the_same(current, given)):
        yield way.finding(
            Setting.ADDRESS,
            Severity.WARN if current is not None else Severity.INFO,
            "as the map says",
            Fate.CONVERTED,
            before=current,
            after=fitted,
        )
    elif fitted.security == wanted.security and not left_out:
        yield way.kept(Setting.ADDRESS, wanted, written_form(fitted, way.target.address_forms))
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
    fitted, left_out = address, []
    if fitted.params and not forms.params:
        left_out.append("URI parameters")
        fitted = replace(fitted, params=())
    if fitted.user is not None and not forms.user:
        left_out.append("a user part")
        fitted = replace(fitted, user=None)
    if fitted.transport is not None and not forms.transport:
        if fitted.security != "tls":
            left_out.append(f"the transport {fitted.transport}")
        tls = fitted.security == "tls" and forms.sips
        fitted = replace(fitted, transport=None, scheme="sips" if tls else fitted.scheme)
    if fitted.scheme == "sips" and not forms.sips:
        fitted = replace(fitted, scheme="sip", transport="tls" if forms.transport else None)
    return fitted, tuple(left_out)


def credentials_rule(
    number: PhoneNumber, choice: TrunkChoice | None, address: SipAddress | None, way: Way
) -> Rule[Trunk | None]:
    outbound = _sip(number).outbound
    state, authentication = outbound.credentials, None if choice is None else choice.authentication
    if address is None:
        if state is CredentialState.SET:
            message = "without an address there is no trunk that they could be for"
            yield way.finding(Setting.PASSWORD, Severity.WARN, message, Fate.LOST)
        return None
    if not (way.target.can_write(Setting.USERNAME) and way.target.can_write(Setting.PASSWORD)):
        if state is not CredentialState.NONE and authentication != "none":
            yield way.finding(
                Setting.PASSWORD,
                Severity.BLOCK,
                f"{way.target_name} cannot authenticate at a trunk"
                + ("" if state is CredentialState.SET else f", and {way.source_name} does not tell whether it has to"),
                Fate.LOST,
                before=outbound.username,
                remedy='say auth = "none" under [[trunks]] in the map if the trunk knows its callers by address',
                consent=Consent.CREDENTIALS,
            )
        return None
    if choice is None or authentication is None:
        if state is CredentialState.NONE:
            yield way.finding(Setting.PASSWORD, Severity.INFO, "the trunk has no credentials", Fate.KEPT)
            return None
        yield way.finding(
            Setting.PASSWORD,
            Severity.BLOCK,
            f"no provider gives a password back, and the map does not say how {way.target_name} authenticates here",
            Fate.NEEDS_INPUT,
            before=outbound.username,
            remedy='give username and password, or auth = "none", under [[trunks]] in the map',
        )
        return None
    if authentication == "none":
        known = state is CredentialState.SET
        yield way.finding(
            Setting.PASSWORD,
            Severity.WARN if known else Severity.INFO,
            "none, as the map says" + (f", although the trunk has credentials at {way.source_name}" if known else ""),
            Fate.LOST if known else Fate.KEPT,
            before=outbound.username,
        )
        return Trunk(name=choice.name, auth="none")
    yield from _digest(choice, outbound.username, way)
    return Trunk(name=choice.name, auth="digest", username=choice.username, password=choice.password)


def _digest(choice: TrunkChoice, current: str | None, way: Way) -> Iterator[Finding]:
    username, password = choice.username or "", choice.password or ""
    if is_reference(username):
        yield way.finding(Setting.USERNAME, Severity.INFO, f"read from {username} when the plan is applied")
    elif current is None or current == username:
        yield way.finding(Setting.USERNAME, Severity.INFO, "as the map says", Fate.KEPT, before=current, after=username)
    else:
        message = f"the map names another user than {way.source_name} has"
        yield way.finding(Setting.USERNAME, Severity.WARN, message, Fate.CONVERTED, before=current, after=username)
    yield way.finding(
        Setting.PASSWORD,
        Severity.INFO,
        f"read from {password} when the plan is applied; only a call can show that it is the right one",
    )
    for name, text in ((Setting.USERNAME, username), (Setting.PASSWORD, password)):
        if not is_reference(text):
            continue
        if (problem := reference_problem(text)) is not None:
            remedy = f"put it there, or name another source for {choice.name!r} in the map"
            yield way.finding(name, Severity.BLOCK, problem, Fate.NEEDS_INPUT, remedy=remedy)
        elif (problem := _unusable(text, name)) is not None:
            remedy = (
                "put the secret itself there, alone, in UTF-8 without a byte order mark, or name another source for "
                f"{choice.name!r} in the map"
            )
            yield way.finding(name, Severity.BLOCK, problem, Fate.NEEDS_INPUT, remedy=remedy)


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


def encryption_rule(number: PhoneNumber, name: Setting, way: Way) -> Rule[MediaEncryption | None]:
    inbound = name is Setting.INBOUND_ENCRYPTION
    half = _sip(number).inbound if inbound else _sip(number).outbound
    consent = Consent.INBOUND_MEDIA_ENCRYPTION if inbound else Consent.OUTBOUND_MEDIA_ENCRYPTION
    current = half.media_encryption
    writable = way.target.can_write(name)
    if current is None:
        if writable:
            message = f"{way.source_name} has no such setting, so the default of {way.target_name} holds"
            yield way.finding(name, Severity.INFO, message, Fate.DEFAULTED)
        return None
    if current is MediaEncryption.UNKNOWN:
        word = printable(half.provider_media_encryption or "")
        yield way.finding(
            name,
            Severity.BLOCK,
            f"{way.source_name} says {word!r}, which nobody here knows; it may be more than {way.target_name} would do",
            Fate.DEFAULTED if writable else Fate.LOST,
            before=word or current,
            consent=consent,
        )
        return None
    if writable:
        yield way.kept(name, current, current)
        return current
    if _STRENGTH[current]:
        yield way.finding(
            name,
            Severity.BLOCK,
            f"{way.no_place}: calls that are encrypted now may not be",
            Fate.LOST,
            before=current,
            consent=consent,
        )
    else:
        yield way.finding(name, Severity.INFO, way.no_place, Fate.LOST, before=current)
    return None


def allowed_addresses_rule(
    number: PhoneNumber, choice: TrunkChoice | None, way: Way
) -> Rule[tuple[tuple[str, ...] | None, bool]]:
    current = _sip(number).inbound.allowed_addresses
    given = None if choice is None else choice.allowed_addresses
    name = Setting.ALLOWED_ADDRESSES
    if not way.target.can_write(name):
        yield from _list_lost(current, given, way)
        return None, False
    if given is None and current is None:
        return (yield from _no_list(way))
    wanted = given if given is not None else _readable(current or ())
    if wanted is None:
        yield way.finding(
            name,
            Severity.BLOCK,
            "it holds an entry that is no IP address or network, and cannot be written again",
            Fate.NEEDS_INPUT,
            before=current,
            remedy="give `allowed_addresses` under [[trunks]] in the map",
        )
        return None, False
    if not wanted and (odd := _empty_means_other(given, way)) is not None:
        yield way.finding(
            name,
            Severity.BLOCK,
            odd,
            Fate.NEEDS_INPUT,
            before=current,
            remedy="give `allowed_addresses` under [[trunks]] in the map",
        )
        return None, False
    if not wanted and way.target.admits_with_empty_list is Admits.NOBODY:
        yield way.finding(name, Severity.WARN, "an empty list, which lets nobody call in", Fate.KEPT, before=current)
        return wanted, True  # an empty list is written only with this consent, whatever it means
    if is_open(wanted):
        yield way.finding(
            name,
            Severity.BLOCK,
            "every source may call in" if not wanted else "a large share of the internet may call in",
            Fate.KEPT if given is None else Fate.CONVERTED,
            before=current,
            after=wanted,
            remedy="give `allowed_addresses` under [[trunks]] in the map",
            consent=Consent.ALLOW_ANY,
        )
        return wanted, Consent.ALLOW_ANY in way.accepted
    if given is not None:
        severity = Severity.INFO if current is None or means_the_same(current, given) else Severity.WARN
        yield way.finding(name, severity, "as the map says", Fate.CONVERTED, before=current, after=given)
    else:
        yield way.kept(name, current, wanted)
    return wanted, False


def _no_list(way: Way) -> Rule[tuple[tuple[str, ...] | None, bool]]:
    """Neither the source nor the map tells of a list, so what the target does without one decides."""
    admits = way.target.admits_without_list
    nobody = admits is Admits.NOBODY
    does = {
        Admits.EVERYBODY: "lets everybody call in",
        Admits.NOBODY: "lets nobody call in",
        Admits.UNKNOWN: "may let everybody call in (nobody says)",
    }[admits]
    yield way.finding(
        Setting.ALLOWED_ADDRESSES,
        Severity.WARN if nobody else Severity.BLOCK,
        f"{way.source_name} tells of no allow-list, and without one {way.target_name} {does}",
        Fate.DEFAULTED,
        remedy="give `allowed_addresses` under [[trunks]] in the map: the addresses that the carrier calls from",
        consent=None if nobody else Consent.ALLOW_ANY,
    )
    return None, not nobody and Consent.ALLOW_ANY in way.accepted


def _empty_means_other(given: tuple[str, ...] | None, way: Way) -> str | None:
    """Why an empty list cannot cross as it is, where it means the opposite at the two ends."""
    here, there = way.source.admits_with_empty_list, way.target.admits_with_empty_list
    if given is None and here is Admits.NOBODY and there is not Admits.NOBODY:
        return f"an empty list lets nobody call in at {way.source_name}, and may let everybody at {way.target_name}"
    if there is Admits.NOBODY and (given is not None or here is not Admits.NOBODY):
        return f"an empty list lets nobody call in at {way.target_name}"
    return None


def _list_lost(current: tuple[str, ...] | None, given: tuple[str, ...] | None, way: Way) -> Iterator[Finding]:
    name = Setting.ALLOWED_ADDRESSES
    if current or given:
        yield way.finding(
            name,
            Severity.BLOCK,
            f"{way.no_place}: who may call in is no longer restricted there",
            Fate.LOST,
            before=current or given,
            remedy="restrict the callers at the carrier",
            consent=Consent.ALLOWED_ADDRESSES,
        )
    elif current == ():
        yield way.finding(name, Severity.INFO, f"{way.no_place}, and it was open", Fate.LOST, before=OPEN)
    elif name in way.source.fields:
        message = f"{way.no_place}, and {way.source_name} does not tell whether there is a list"
        yield way.finding(name, Severity.WARN, message, Fate.LOST)


def _readable(entries: tuple[str, ...]) -> tuple[str, ...] | None:
    try:
        return parse_allowed_addresses(entries, allow_any=True)
    except InvalidInput:
        return None
