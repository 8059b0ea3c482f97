"""Everything that can go wrong, as one tree.

    TelephonyError
      PluginError            ProviderNotFound · ProviderConflict · ProviderLoadError · ContractMismatch
      ConfigurationError     a key, a URL or a file that cannot be used
      ClientClosed           the client was closed before or during the call
      WriteRefused           a read-only client was asked to write
      InvalidInput           what the caller gave cannot be meant (also a ValueError)
      UnsupportedError       the provider cannot store this accurately
        UnsupportedOperation · UnsupportedField
      NotAllowed             a side effect or a lower security that was not allowed by name
      AmbiguousNumber        more than one live record for one number
      TransportError         the network, not the provider's word
        NotSent              nothing reached the provider: safe to repeat
        NoAnswer             a read was sent and not answered: nothing can have changed
        OutcomeUnknown       a write may have happened; says how to find out
          AnswerLost         thrown into a flow, which may look whether it happened
      ProviderError          the provider answered, and refused or failed
        AuthenticationFailed · PermissionDenied · NotFound · Conflict · WrongState · InvalidRequest
        RateLimited · ProviderUnavailable · UnexpectedResponse
      PartialOutcome         an operation of several requests stopped half-way
      MigrationError         moving numbers between providers

Every error carries ``provider``, ``operation``, ``status``, ``code``, ``request_id``, ``retry_after`` (seconds) and
``body`` (scrubbed) where they are known, and its text ends with what to do next, in words of Python; where the command
line needs others, the remedy is a `Remedy` that has both. Nothing in here is decided on a provider's prose.

``documentation`` is the address of what is written about a kind, with cause and remedy; a traceback shows it, the text
does not. That page is made from this tree: paragraphs *Cause* and *Remedy* of each class, and its ``default_remedy``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from telephony_core.errors.base import DOCUMENTATION as DOCUMENTATION
from telephony_core.errors.base import TelephonyError
from telephony_core.errors.chaining import instead_of as instead_of
from telephony_core.errors.chaining import linked as linked
from telephony_core.errors.remedy import Remedy
from telephony_core.errors.remedy import cli_words as cli_words
from telephony_core.errors.remedy import joined as joined

if TYPE_CHECKING:
    from telephony_core.domain.phone_number import PhoneNumber
    from telephony_core.operations.reconciliation import Attempt

__all__ = [
    "AmbiguousNumber",
    "AnswerLost",
    "AuthenticationFailed",
    "ClientClosed",
    "ConfigurationError",
    "Conflict",
    "ContractMismatch",
    "InvalidInput",
    "InvalidRequest",
    "MigrationError",
    "NoAnswer",
    "NotAllowed",
    "NotFound",
    "NotSent",
    "OutcomeUnknown",
    "PartialOutcome",
    "PermissionDenied",
    "PluginError",
    "ProviderConflict",
    "ProviderError",
    "ProviderLoadError",
    "ProviderNotFound",
    "ProviderUnavailable",
    "RateLimited",
    "Remedy",
    "TelephonyError",
    "TransportError",
    "UnexpectedResponse",
    "UnsupportedError",
    "UnsupportedField",
    "UnsupportedOperation",
    "WriteRefused",
    "WrongState",
]


LISTED: Final = Remedy("take it from `list_numbers()`", cli="take it from `telephony numbers list`")
"""What to do about an id that cannot be meant."""


class PluginError(TelephonyError):
    """A provider could not be offered.

    Remedy: Catch it where the name of a provider comes from outside.
    """


class ProviderNotFound(PluginError):
    """No installed distribution registers this slug.

    Cause: the slug is misspelt, or the adapter's distribution is not installed in this environment.

    Remedy: `telephony providers` lists those that are there.
    """


class ProviderConflict(PluginError):
    """Two distributions register one slug; neither is used.

    Cause: two adapters of one vendor are installed, or an old one was left behind.

    Remedy: uninstall one of the two that are named.
    """


class ProviderLoadError(PluginError):
    """The provider's plugin module, or a class that it names, could not be imported, or the module answered wrongly.

    Cause: something that the adapter needs is missing, or it has a fault.

    Remedy: its cause (`__cause__`) is the error of the adapter; install what is missing, or another version of it.
    """


class ContractMismatch(PluginError):
    """The provider was written for another version of the port.

    Cause: adapter and core are from different times.

    Remedy: upgrade the older of the two: the text says which.
    """


class ConfigurationError(TelephonyError):
    """A key, a base URL, a setting or a configuration file cannot be used.

    Cause: there is no key, a reference to a secret leads nowhere, a file cannot be read or is not safe, a setting
    has no meaning.

    Remedy: the text names the setting and where it comes from.
    """


class ClientClosed(TelephonyError):
    """The client was closed before the call, or while it ran.

    Cause: it was used after its `with` block or `close()`, or in a process that was forked from the one that made it.
    """

    default_remedy: ClassVar[str | None] = Remedy(
        "make a new client, or keep this one open for as long as it is used", cli="run the command again"
    )


class WriteRefused(TelephonyError):
    """A read-only client was asked to send something other than a read. Nothing was sent.

    Cause: the client came from `with_options(read_only=True)`.
    """

    default_remedy: ClassVar[str | None] = Remedy(
        "use a client without `read_only` for writes", cli="this command only reads"
    )


class InvalidInput(TelephonyError, ValueError):
    """What the caller gave cannot be meant. Never repeats a value that may hold a secret.

    ``faults`` are the places of a model that cannot be meant, each with the reason:
    ``("outbound.username", "is empty")``. ``about`` is what they are faults of, where it has a name that callers know.

    Cause: a number, an address, an id or a field is not what it has to be.

    Remedy: the text names the field and what it takes.
    """

    faults: tuple[tuple[str, str], ...] = ()
    about: str = ""

    def scrub(self, clean: Callable[[str], str]) -> None:
        super().scrub(clean)
        self.faults = tuple((place, clean(text)) for place, text in self.faults)


class UnsupportedError(TelephonyError):
    """This provider cannot store this accurately, so nothing is sent.

    Remedy: `telephony providers SLUG` shows what the provider can do; `check()` names all problems of a change at once.
    """


class UnsupportedOperation(UnsupportedError):
    """The provider offers no such operation (for numbers of this origin).

    Cause: the adapter does not declare the operation, or only for numbers of another origin.

    Remedy: do it in the vendor's dashboard, or for a number of an origin that it is for.
    """


class UnsupportedField(UnsupportedError):
    """This provider does not support this field, or not this value. ``field`` is its dotted name.

    Cause: the adapter does not declare the field, or not this use of it (writing, clearing, this form of an address).

    Remedy: leave the field out, or give it as the text says; nothing is ever dropped or approximated for you.
    """

    def __init__(self, message: str, *, field: str, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.field: str = field


class NotAllowed(TelephonyError):
    """A side effect or a lower security has to be allowed by name first. ``allowance`` is that name.

    Cause: the change would publish a version, open a trunk to everybody, lose a setting or the like.

    Remedy: pass the allowance, if that is what you want: the text says where.
    """

    def __init__(self, message: str, *, allowance: str, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.allowance = allowance


class AmbiguousNumber(TelephonyError):
    """More than one live record holds this number; ``candidates`` are all of them.

    Cause: the number was imported twice, or was released and imported again before the first record ended.
    """

    default_remedy: ClassVar[str | None] = "address the record by its id"

    def __init__(self, message: str, *, candidates: Sequence[PhoneNumber] = (), **facts: Any) -> None:
        super().__init__(message, **facts)
        self.candidates: tuple[PhoneNumber, ...] = tuple(candidates)


class TransportError(TelephonyError):
    """The network failed, or the answer never came.

    Remedy: what may be repeated depends on which of its kinds it is.
    """


class NotSent(TransportError):
    """The request never left, so nothing can have happened.

    Cause: no connection: DNS, the network, a proxy, a certificate, or a wrong base URL.
    """

    default_remedy: ClassVar[str | None] = "check the network and the base URL; repeating is safe"


class NoAnswer(TransportError):
    """A read was sent and not answered in time. Nothing can have changed.

    Cause: the connection broke or the time for the operation was used up, retries included.
    """

    default_remedy: ClassVar[str | None] = "nothing was changed; repeating is safe"


class OutcomeUnknown(TransportError):
    """A write was sent and its answer was lost, or is about something else, so it may have happened.

    ``attempt`` says what was tried; ``client.reconcile(error)`` looks whether it happened. ``number`` is the record
    that is known to be there by it, where its operation was interrupted after the provider had answered.

    Cause: the connection broke or the time was used up after the request had left, and reading did not settle it.
    """

    default_remedy: ClassVar[str | None] = "look at the number before repeating: the change may have happened"

    def __init__(
        self, message: str, *, attempt: Attempt | None = None, number: PhoneNumber | None = None, **facts: Any
    ) -> None:
        super().__init__(message, **facts)
        self.attempt = attempt
        self.number = number


class AnswerLost(OutcomeUnknown):
    """Thrown into a flow when a request that must not be repeated got no usable answer.

    Cause: that of `OutcomeUnknown`. Authors of adapters see it; callers get `OutcomeUnknown` or a result.

    Remedy: read whether it happened, and return what is there; else let it pass.
    """


class ProviderError(TelephonyError):
    """The provider answered, and the answer is a refusal or a failure.

    Remedy: `status`, `code` and `body` are the provider's words; catch one of the kinds below to act on it.
    """


class AuthenticationFailed(ProviderError):
    """The key is missing, wrong or expired (401).

    Cause: no valid key for this account, or one of another environment; `key_source` says where it came from.
    """

    default_remedy: ClassVar[str | None] = "check the API key of this connection"


class PermissionDenied(ProviderError):
    """The key is good but may not do this (403).

    Cause: the key lacks a scope or a role, or the account's plan does not include this.
    """

    default_remedy: ClassVar[str | None] = "give the key the permission it lacks, in the provider's dashboard"


class NotFound(ProviderError):
    """No such number (404).

    Cause: the number is not in this account, was released, or the id is another provider's.
    """

    default_remedy: ClassVar[str | None] = Remedy(
        "check the number or the id; `list_numbers()` shows what this key can see",
        cli="`telephony numbers list` shows what this key can see; check the number or the id",
    )


class Conflict(ProviderError):
    """It collides with something that exists (409).

    Cause: the number is live here already, somebody else serves it, or the record changed since it was read.
    """

    default_remedy: ClassVar[str | None] = Remedy(
        "look at what is there with `find_number()` before trying again",
        cli="look at what is there with `telephony numbers show` before trying again",
    )


class WrongState(ProviderError):
    """The number is in a state that forbids this.

    Cause: it is being set up, is to be released, was released, or has an origin that this is not for.
    """

    default_remedy: ClassVar[str | None] = "read the number again: its status says what can be done with it"


class InvalidRequest(ProviderError):
    """The provider refused the content of the request (400, 422).

    Cause: a rule of the provider that its documentation does not tell, or that changed.
    """

    default_remedy: ClassVar[str | None] = Remedy(
        "change what the provider complains about; `body` holds its whole answer",
        cli="change what the provider complains about; --json shows its whole answer",
    )


class RateLimited(ProviderError):
    """Too many requests (429). ``retry_after`` is in seconds where the provider said so.

    Cause: more requests than the provider allows, by this or another program on the account, for longer than the
    retries waited.
    """

    default_remedy: ClassVar[str | None] = Remedy(
        "wait, or give the client a slower `pace`",
        cli="wait, or give the connection a slower pace in the configuration file",
    )


class ProviderUnavailable(ProviderError):
    """The provider failed (5xx) on a read; nothing can have changed.

    Cause: a fault or an overload at the provider that lasted longer than the retries.
    """

    default_remedy: ClassVar[str | None] = "try again later; nothing was changed"


class UnexpectedResponse(ProviderError):
    """The answer is not of the documented shape (schema drift, or a gateway's page).

    Cause: the vendor changed its API, a proxy answered instead, the base URL is another service, or the answer is
    about another record.
    """

    default_remedy: ClassVar[str | None] = (
        "`telephony doctor` shows what is different; look for a newer adapter, or `base_url` may point elsewhere"
    )


class PartialOutcome(TelephonyError):
    """An operation of several requests stopped half-way.

    ``number`` is what exists now, ``done`` and ``failed_step`` name the steps, ``cause`` is the failed one's error.

    Cause: an import with agents, say: the number was imported, and assigning the agent failed.

    Remedy: repeat the failed step only, on `number`.
    """

    def __init__(
        self,
        message: str,
        *,
        number: PhoneNumber | None,
        done: Sequence[str],
        failed_step: str,
        cause: TelephonyError,
        **facts: Any,
    ) -> None:
        super().__init__(message, **facts)
        self.number = number
        self.done: tuple[str, ...] = tuple(done)
        self.failed_step = failed_step
        self.cause = cause

    def scrub(self, clean: Callable[[str], str]) -> None:
        super().scrub(clean)
        # It is reached by this attribute as well as by `__cause__`.
        self.cause.scrub(clean)


class MigrationError(TelephonyError):
    """Moving numbers between providers could not go on.

    Remedy: the journal keeps what was done: after the remedy run the same command again.
    """
