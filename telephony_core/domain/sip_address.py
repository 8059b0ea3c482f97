"""A SIP address as a value: where a trunk is reached, read strictly and printed without loss.

The grammar is that of RFC 3261 (§19.1.1, §25.1), narrowed to what can be meant for a trunk. An absent port is
information (RFC 3263 §4: with one, NAPTR and SRV are not asked), so no default port is ever written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pydantic_core import core_schema

from telephony_core.domain import sip_grammar as grammar
from telephony_core.errors import InvalidInput, TelephonyError, UnsupportedField, instead_of

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

__all__ = ["SipAddress"]

_PARTS: dict[Literal["sips", "transport", "user", "params"], str] = {
    "sips": "the scheme `sips`",
    "transport": "a transport",
    "user": "a user part",
    "params": "URI parameters",
}


@dataclass(frozen=True, slots=True)
class SipAddress:
    """Host, and what else was said: port, scheme, transport, user, parameters.

    ``host`` is lower-case and without a root dot; an IP literal is in its shortest form and without brackets. ``port``
    ``None`` means that none was given. ``scheme`` ``None`` means a bare host, which stands for the same endpoint as
    ``sip``. ``transport``, ``user`` and ``params`` need a scheme. ``params`` are the other URI parameters in the order
    given, names in lower case; a flag such as ``lr`` has the value ``None``. ``user`` keeps its case and its escapes.

    ``raw`` is the text this was read from, character by character, for a vendor that is sent its own spelling back.
    Only :meth:`parse` sets it: a ``raw`` that does not read as this very address is dropped, so
    :func:`dataclasses.replace` leaves no stale one behind. It never holds a password, as none can be read.

    Constructing raises :class:`InvalidInput` as strictly as :meth:`parse` does. Neither repeats what it was given.
    """

    host: str
    port: int | None = None
    scheme: Literal["sip", "sips"] | None = None
    transport: Literal["udp", "tcp", "tls"] | None = None
    user: str | None = None
    params: tuple[tuple[str, str | None], ...] = ()
    raw: str | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        values = {
            "host": grammar.read_host(self.host),
            "port": grammar.read_port(self.port),
            "scheme": grammar.read_scheme(self.scheme),
            "transport": grammar.read_transport(self.transport),
            "user": grammar.read_user(self.user),
            "params": grammar.read_params(self.params),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        grammar.check_together(self)
        if self.raw is not None and not _reads_as(self.raw, self):
            object.__setattr__(self, "raw", None)

    @classmethod
    def parse(cls, text: str) -> SipAddress:
        """Read ``host``, ``host:port``, ``[v6]``, ``[v6]:port``, each also after ``sip:`` or ``sips:``.

        A user part and ``;params`` are read only after a scheme. Raises :class:`InvalidInput`, which says why and what
        to write instead, and holds no part of ``text``: it may be a URI with a password in it.
        """
        try:
            with instead_of(TelephonyError, lambda error: error.with_traceback(None)):  # its frames hold the text
                return cls._read(text)
        finally:
            del text

    @classmethod
    def _read(cls, text: str) -> SipAddress:
        grammar.check_text(text)
        scheme, rest = grammar.split_scheme(text)
        # The last `@`: a user part may hold none (RFC 3261, section 25.1), so an earlier one is refused with the user.
        user, at, rest = rest.rpartition("@")
        location, *fields = rest.split(";")
        if scheme is None and (at or fields):
            raise InvalidInput(
                "a SIP address without a scheme holds a user part or parameters",
                remedy="write it as a URI, `sip:user@host;name=value`, and leave a password out of it",
            )
        transport, params = grammar.params_in(fields)
        host, port = grammar.split_port(location)
        address = cls(host, port, scheme, transport, user if at else None, params)
        object.__setattr__(address, "raw", text)
        return address

    def __str__(self) -> str:
        """The address in the form it was given: bare without a scheme, a URI with one."""
        return self.uri() if self.scheme is not None else self._location()

    def uri(self) -> str:
        """Always a URI; a bare host gets ``sip:``. The transport comes first among the parameters."""
        user = f"{self.user}@" if self.user is not None else ""
        transport = f";transport={self.transport}" if self.transport is not None else ""
        params = "".join(f";{name}" if value is None else f";{name}={value}" for name, value in self.params)
        return f"{self.scheme or 'sip'}:{user}{self._location()}{transport}{params}"

    def host_port(self) -> str:
        """``host`` or ``host:port``, for vendors whose field holds no URI; IPv6 is in brackets.

        Raises :class:`UnsupportedField` if the address says more than such a field can hold: nothing is left out.
        """
        if self.uri_parts:
            raise UnsupportedField(
                f"the address has {' and '.join(self.uri_parts.values())}, which a field for host and port cannot hold",
                field="outbound.address",
                remedy="give only `host` or `host:port`, if the trunk can be reached that way",
            )
        if self.port is not None and self.host in grammar.SCHEME_WORDS:
            raise UnsupportedField(
                "the host is named like a URI scheme, so that `host:port` would be read as a URI",
                field="outbound.address",
                remedy="give the full domain name of the host, or its IP address",
            )
        return self._location()

    def same_endpoint(self, other: SipAddress) -> bool:
        """Whether both lead to the same place in the same way: host, port, security, transport and user are equal.

        A bare host counts as ``sip``; parameters do not count. An absent port is not 5060.
        """
        return self._endpoint() == other._endpoint()

    @property
    def is_ip(self) -> bool:
        """Whether the host is an IP literal, which no DNS is asked for."""
        return self.is_ipv6 or self.host.rpartition(".")[2].isdigit()

    @property
    def is_ipv6(self) -> bool:
        """Whether the host is an IPv6 address."""
        return ":" in self.host

    @property
    def security(self) -> Literal["tls"] | None:
        """``"tls"`` if the address demands TLS (``sips``, ``transport=tls``); ``None`` if it does not say so."""
        return "tls" if self.scheme == "sips" or self.transport == "tls" else None

    @property
    def uri_parts(self) -> dict[Literal["sips", "transport", "user", "params"], str]:
        """What it says beyond host and port, by the name of the part, in words."""
        present = (self.scheme == "sips", self.transport is not None, self.user is not None, bool(self.params))
        return {part: words for (part, words), is_there in zip(_PARTS.items(), present, strict=True) if is_there}

    def _location(self) -> str:
        host = f"[{self.host}]" if self.is_ipv6 else self.host
        return host if self.port is None else f"{host}:{self.port}"

    def _endpoint(self) -> tuple[object, ...]:
        return self.host, self.port, self.security, self.transport, self.user

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        # Two steps, because pydantic puts the input of the step that fails into its error, whatever a model's
        # configuration says of hiding: the second step's input is our own error, which holds nothing of the text.
        return core_schema.chain_schema(
            [
                core_schema.no_info_plain_validator_function(_read_for_pydantic),
                core_schema.no_info_plain_validator_function(_raise_for_pydantic),
            ],
            serialization=core_schema.plain_serializer_function_ser_schema(str, return_schema=core_schema.str_schema()),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string"}


def _read_for_pydantic(value: object) -> SipAddress | InvalidInput:
    if isinstance(value, SipAddress):
        return value
    if not isinstance(value, str):
        return InvalidInput("a SIP address is text", remedy=grammar.EXAMPLES)
    try:
        return SipAddress.parse(value)
    except InvalidInput as error:
        return error.with_traceback(None)


def _raise_for_pydantic(value: SipAddress | InvalidInput) -> SipAddress:
    if isinstance(value, InvalidInput):
        raise value
    return value


def _reads_as(raw: str, address: SipAddress) -> bool:
    try:
        return SipAddress.parse(raw) == address
    except InvalidInput:
        return False
