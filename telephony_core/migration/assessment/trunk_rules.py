"""What becomes of a trunk's settings: where it is reached, who may use it, what protects it.

Severity ``block`` is for what would make a number less safe or less reachable without anybody having said so.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from telephony_core.domain.allow_list import is_open, parse_allowed_addresses
from telephony_core.domain.sip import CredentialState, MediaEncryption, OutboundUpdate
from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import ConfigurationError, InvalidInput, UnsupportedField
from telephony_core.migration.assessment.context import NumberContext
from telephony_core.migration.inventory.fields import OPEN, means_the_same, printable, sip_of
from telephony_core.migration.mapping.map_file import TrunkChoice, reference_problem
from telephony_core.migration.plan.allowances import Allowance
from telephony_core.migration.plan.findings import FieldOutcome
from telephony_core.migration.plan.model import Trunk
from telephony_core.provider.capabilities import AddressForms, Admits
from telephony_core.provider.capabilities import Field as Setting
from telephony_core.secrets.references import is_reference, read_secret

_GIVE_LIST: Final = "give `allowed_addresses` under [[trunks]] in the map"
_GIVE_ADDRESS: Final = "give `address` under [[trunks]] in the map"


# -- its address


def map_address(context: NumberContext) -> SipAddress | None:
    name, current = Setting.ADDRESS, sip_of(context.number).outbound.address
    given = None if context.choice is None else context.choice.address
    support = context.target.fields.get(name)
    if support is None or not support.writable:
        if current is not None:
            message = f"{context.unsupported}: the number cannot place calls over this trunk"
            context.block(name, message, FieldOutcome.LOST, before=current, allowance=Allowance.ADDRESS)
        return None
    desired = given or (None if current is None else _in_so_many_words(context, current))
    if desired is None:
        if support.required_on_import:
            message = f"{context.target_name} needs the trunk's address, and {context.source_name} shows none"
            together = "show no address of the trunk"
            context.block(name, message, FieldOutcome.NEEDS_INPUT, remedy=_GIVE_ADDRESS, together=together)
        else:
            message = f"{context.source_name} shows none, so the number will only receive calls"
            context.warn(
                name,
                message,
                FieldOutcome.DEFAULTED,
                remedy=f"{_GIVE_ADDRESS} if it is to place calls",
                together="have no trunk, and will only receive calls",
            )
        return None
    fitted, left_out = _fitted(desired, context.target.address_forms)
    reached = context.target.as_meant(fitted)
    # By what the address means there: where TLS is the default, a bare host has it.
    had_tls = current is not None and context.source.as_meant(current).security == "tls"
    if reached.security != "tls" and (had_tls or desired.security == "tls"):
        context.block(
            name,
            "signalling to the trunk is TLS now and would not be"
            if had_tls
            else f"the map asks for TLS, and {context.unsupported}",
            FieldOutcome.LOST,
            before=current if had_tls else desired,
            after=fitted,
            remedy="leave the number where TLS is supported" if had_tls else None,
            allowance=Allowance.TLS,
        )
    if left_out:
        context.block(
            name,
            f"{context.target_name} does not take {' and '.join(left_out)}, so the trunk may not be reached",
            FieldOutcome.LOST,
            before=desired,
            after=fitted,
            remedy=f"{_GIVE_ADDRESS} if the trunk can be reached otherwise",
            allowance=Allowance.ADDRESS_PARTS,
        )
    if given is not None and current is None:
        context.info(name, "as the map says", FieldOutcome.CONVERTED, after=reached)
    elif given is not None and current is not None and not _mean_the_same(context, current, given):
        together = "get another trunk address, as the map says"
        context.warn(name, "as the map says", FieldOutcome.CONVERTED, before=current, after=reached, together=together)
    elif not left_out and desired.security is None and _gets_another_transport(context, current, fitted):
        context.warn(
            name,
            f"it names no transport, which means {reached.transport} at {context.target_name} and may mean another one "
            f"at {context.source_name}",
            FieldOutcome.DEFAULTED,
            before=current,
            after=reached,
            remedy=f"{_GIVE_ADDRESS}, with the transport that the trunk expects",
            together=f"have a trunk address without a transport, which means {reached.transport} there",
        )
    elif reached.security == context.target.as_meant(desired).security and not left_out:
        context.kept(name, current, written_form(fitted, context.target.address_forms))
    return fitted


def _in_so_many_words(context: NumberContext, address: SipAddress) -> SipAddress:
    """The address with the transport that it has at the source, where without it the target would take another one."""
    meant = context.source.as_meant(address)
    return address if context.target.as_meant(address) == meant else meant


def _mean_the_same(context: NumberContext, current: SipAddress, given: SipAddress) -> bool:
    return means_the_same(context.source.as_meant(current), context.target.as_meant(given))


def _gets_another_transport(context: NumberContext, current: SipAddress | None, fitted: SipAddress) -> bool:
    """Whether the target fills in a transport that the trunk does not have at the source, as far as that is known."""
    before = None if current is None else context.source.as_meant(current).transport
    return fitted.transport is None and context.target.as_meant(fitted).transport not in (None, before)


def written_form(address: SipAddress, forms: AddressForms | None) -> str:
    """The form in which a provider takes an address, as far as it declares that."""
    # Where none of these can be said, host and port are what is sent.
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
        # A transport that the target uses anyway need not be said, and lost TLS is a finding of its own.
        if fitted.security != "tls" and fitted.transport != forms.default_transport:
            left_out.append(f"the transport {fitted.transport}")
        # RFC 3261, 26.2.2: `transport=tls` is deprecated, and the scheme sips says the same.
        tls = fitted.security == "tls" and forms.sips
        fitted = replace(fitted, transport=None, scheme="sips" if tls else fitted.scheme)
    if fitted.scheme == "sips" and not forms.sips:
        fitted = replace(fitted, scheme="sip", transport="tls" if forms.transport else None)
    return fitted, tuple(left_out)


# -- its credentials


def map_credentials(context: NumberContext, address: SipAddress | None) -> Trunk | None:
    name, outbound, choice = Setting.PASSWORD, sip_of(context.number).outbound, context.choice
    state, authentication = outbound.credentials, None if choice is None else choice.authentication
    if address is None:
        if state is CredentialState.SET:
            message = "without an address there is no trunk that they could be for"
            context.warn(name, message, FieldOutcome.LOST, together="lose the credentials, for want of an address")
        return None
    if not (context.target.can_write(Setting.USERNAME) and context.target.can_write(name)):
        if state is not CredentialState.NONE and authentication != "none":
            # Not told is not the same as none: the trunk may ask for credentials that nobody shows.
            unclear = state is not CredentialState.SET
            context.block(
                name,
                f"{context.target_name} cannot authenticate at a trunk"
                + (f", and {context.source_name} does not report whether it has to" if unclear else ""),
                FieldOutcome.LOST,
                before=outbound.username,
                remedy='set auth = "none" under [[trunks]] in the map if the trunk knows its callers by address',
                allowance=Allowance.CREDENTIALS,
            )
        return None
    if choice is None or authentication is None:
        if state is CredentialState.NONE:
            context.info(name, "the trunk has no credentials", FieldOutcome.KEPT)
            return None
        context.block(
            name,
            f"no provider returns a password, and the map does not say how {context.target_name} authenticates here",
            FieldOutcome.NEEDS_INPUT,
            before=outbound.username,
            remedy='give username and password, or auth = "none", under [[trunks]] in the map',
            together="have no credentials in the map",
            subject=f"trunk {_named(address, outbound.username) if choice is None else printable(choice.name)}",
        )
        return None
    if authentication == "none":
        if state is CredentialState.SET:
            message = f"none, as the map says, although the trunk has credentials at {context.source_name}"
            together = "have credentials now and get none, as the map says"
            context.warn(name, message, FieldOutcome.LOST, before=outbound.username, together=together)
        else:
            context.info(name, "none, as the map says", FieldOutcome.KEPT, before=outbound.username)
        return Trunk(name=choice.name, auth="none")
    _check_digest(context, choice, outbound.username)
    return Trunk(name=choice.name, auth="digest", username=choice.username, password=choice.password)


def _check_digest(context: NumberContext, choice: TrunkChoice, current: str | None) -> None:
    username, password = choice.username or "", choice.password or ""
    if is_reference(username):
        context.info(Setting.USERNAME, f"read from {username} when the plan is applied")
    elif current is None or current == username:
        context.info(Setting.USERNAME, "as the map says", FieldOutcome.KEPT, before=current, after=username)
    else:
        message = f"the map names another user than {context.source_name} has"
        together = "get another user name, as the map says"
        context.warn(
            Setting.USERNAME, message, FieldOutcome.CONVERTED, before=current, after=username, together=together
        )
    context.info(
        Setting.PASSWORD,
        f"read from {password} when the plan is applied; only a call can show that it is the right one",
    )
    elsewhere = f"name another source for {choice.name!r} in the map"
    subject = f"trunk {printable(choice.name)}"
    for name, text in ((Setting.USERNAME, username), (Setting.PASSWORD, password)):
        if not is_reference(text):
            continue
        if (problem := reference_problem(text)) is not None:
            # Trunks that wait for the same variable are told once, for all of their numbers.
            waits = problem.removesuffix(" is not set here")
            together = f"wait for {waits}, which is not set" if waits != problem else f"wait for a secret: {problem}"
            remedy = f"put it there, or {elsewhere}"
            context.block(name, problem, FieldOutcome.NEEDS_INPUT, remedy=remedy, together=together, subject=subject)
        elif (problem := _unusable(text, name)) is not None:
            remedy = f"put the secret itself there, alone, in UTF-8 without a byte order mark, or {elsewhere}"
            together = f"cannot use the secret: {problem}"
            context.block(name, problem, FieldOutcome.NEEDS_INPUT, remedy=remedy, together=together, subject=subject)


def _named(address: SipAddress, username: str | None) -> str:
    """A trunk that the map does not name."""
    return printable(f"{address}" + ("" if username is None else f" of {username}"))


def _unusable(reference: str, name: Setting) -> str | None:
    """Why what a reference leads to cannot be used, or ``None``. It is read and forgotten; no prompt is shown yet."""
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


# -- what protects it

_STRENGTH: Final = {MediaEncryption.DISABLE: 0, MediaEncryption.ALLOW: 1, MediaEncryption.REQUIRE: 2}


def map_encryption(context: NumberContext, name: Setting) -> MediaEncryption | None:
    inbound = name is Setting.INBOUND_ENCRYPTION
    half = sip_of(context.number).inbound if inbound else sip_of(context.number).outbound
    allowance = Allowance.INBOUND_MEDIA_ENCRYPTION if inbound else Allowance.OUTBOUND_MEDIA_ENCRYPTION
    current, writable = half.media_encryption, context.target.can_write(name)
    if current is None:
        if writable:
            message = f"{context.source_name} has no such setting, so the default of {context.target_name} holds"
            context.info(name, message, FieldOutcome.DEFAULTED)
        return None
    if current is MediaEncryption.UNKNOWN:
        word = printable(half.provider_media_encryption or "")
        context.block(
            name,
            f"{context.source_name} says {word!r}, an unknown word; it may be more than {context.target_name} would do",
            FieldOutcome.DEFAULTED if writable else FieldOutcome.LOST,
            before=word or current,
            allowance=allowance,
        )
        return None
    if writable:
        context.kept(name, current, current)
        return current
    # Nothing is lost where encryption was switched off.
    if _STRENGTH[current]:
        message = f"{context.unsupported}: calls that are encrypted now may not be"
        context.block(name, message, FieldOutcome.LOST, before=current, allowance=allowance)
    else:
        context.info(name, context.unsupported, FieldOutcome.LOST, before=current)
    return None


# -- who may call in


def map_allowed_addresses(context: NumberContext) -> tuple[tuple[str, ...] | None, bool]:
    """The list to be written, and whether an open trunk was allowed by name."""
    name, current = Setting.ALLOWED_ADDRESSES, sip_of(context.number).inbound.allowed_addresses
    given = None if context.choice is None else context.choice.allowed_addresses
    if not context.target.can_write(name):
        _list_lost(context, current, given)
        return None, False
    if given is None and current is None:
        return None, _no_list(context)
    desired = given if given is not None else _readable(current or ())
    if desired is None:
        problem = "it holds an entry that is no IP address or network, and cannot be written again"
        together = "have an entry in the allow-list that is no address"
        context.block(name, problem, FieldOutcome.NEEDS_INPUT, before=current, remedy=_GIVE_LIST, together=together)
        return None, False
    if not desired and (differs := _empty_differs(context, given)) is not None:
        context.block(name, differs, FieldOutcome.NEEDS_INPUT, before=current, remedy=_GIVE_LIST)
        return None, False
    if not desired and context.target.admits_with_empty_list is Admits.NOBODY:
        context.warn(name, "an empty list, which lets nobody call in", FieldOutcome.KEPT, before=current)
        return desired, True  # an empty list is written only with this consent, whatever it means
    if is_open(desired):
        context.block(
            name,
            "every source may call in" if not desired else "a large share of the internet may call in",
            FieldOutcome.KEPT if given is None else FieldOutcome.CONVERTED,
            before=current,
            after=desired,
            remedy=_GIVE_LIST,
            allowance=Allowance.ANY_CALLER,
        )
        return desired, Allowance.ANY_CALLER in context.allowed
    if given is None:
        context.kept(name, current, desired)
    elif current is None or means_the_same(current, given):
        context.info(name, "as the map says", FieldOutcome.CONVERTED, before=current, after=given)
    else:
        together = "get another allow-list, as the map says"
        context.warn(name, "as the map says", FieldOutcome.CONVERTED, before=current, after=given, together=together)
    return desired, False


_WITHOUT_LIST: Final = {
    Admits.EVERYBODY: "lets everybody call in",
    Admits.NOBODY: "lets nobody call in",
    Admits.UNKNOWN: "may let everybody call in (undocumented)",
}


def _no_list(context: NumberContext) -> bool:
    """Neither the source nor the map has a list, so what the target does without one decides."""
    admits = context.target.admits_without_list
    add, allowance = (context.warn, None) if admits is Admits.NOBODY else (context.block, Allowance.ANY_CALLER)
    add(
        Setting.ALLOWED_ADDRESSES,
        f"{context.source_name} reports no allow-list, and without one {context.target_name} {_WITHOUT_LIST[admits]}",
        FieldOutcome.DEFAULTED,
        remedy=f"{_GIVE_LIST}: the addresses that the carrier calls from",
        allowance=allowance,
        together=f"get no allow-list, and without one {context.target_name} {_WITHOUT_LIST[admits]}",
    )
    return allowance in context.allowed


def _empty_differs(context: NumberContext, given: tuple[str, ...] | None) -> str | None:
    """Why an empty list cannot be taken along, where it means the opposite at the two ends."""
    here, there = context.source.admits_with_empty_list, context.target.admits_with_empty_list
    if given is None and here is Admits.NOBODY and there is not Admits.NOBODY:
        return f"an empty list lets nobody call in at {context.source_name}, and may let all at {context.target_name}"
    if there is Admits.NOBODY and (given is not None or here is not Admits.NOBODY):
        return f"an empty list lets nobody call in at {context.target_name}"
    return None


def _list_lost(context: NumberContext, current: tuple[str, ...] | None, given: tuple[str, ...] | None) -> None:
    name, lost = Setting.ALLOWED_ADDRESSES, FieldOutcome.LOST
    if current or given:
        context.block(
            name,
            f"{context.unsupported}: who may call in is no longer restricted there",
            lost,
            before=current or given,
            remedy="restrict the callers at the carrier",
            allowance=Allowance.LOST_ALLOW_LIST,
        )
    elif current == ():
        context.info(name, f"{context.unsupported}, and it was open", lost, before=OPEN)
    elif name in context.source.fields:
        message = f"{context.unsupported}, and {context.source_name} does not report whether there is a list"
        context.warn(
            name, message, lost, together="may lose a list of who may call in, which the source does not return"
        )


def _readable(entries: tuple[str, ...]) -> tuple[str, ...] | None:
    try:
        # Whether an open list is meant is a finding of its own; here it is only read.
        return parse_allowed_addresses(entries, allow_any=True)
    except InvalidInput:
        return None
