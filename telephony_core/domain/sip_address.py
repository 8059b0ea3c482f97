"""A SIP address as a value: where a trunk is reached, read strictly and printed without loss.

The grammar is that of RFC 3261 (§19.1.1, §25.1), narrowed to what can be meant for a trunk. An absent port is
information (RFC 3263 §4: with one, NAPTR and SRV are not asked), so no default port is ever written.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pydantic_core import core_schema

from telephony_core.errors import InvalidInput, TelephonyError, UnsupportedField, instead_of

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

__all__ = ["SipAddress"]

Scheme = Literal["sip", "sips"]
Transport = Literal["udp", "tcp", "tls"]
Params = tuple[tuple[str, str | None], ...]

MAX_LENGTH = 1024
"""Longest address, in characters, as a URI."""
MAX_HOST = 253
MAX_PORT = 65535

_SCHEMES: dict[object, Scheme] = {"sip": "sip", "sips": "sips"}
_TRANSPORTS: dict[object, Transport] = {"udp": "udp", "tcp": "tcp", "tls": "tls"}
# Before a colon these words are a scheme, never a host: a bare `sip:5060` would be read in two ways.
_SCHEME_WORDS = frozenset({"sip", "sips", "tel", "http", "https", "mailto"})

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
# Escaped control characters are legal in RFC 3261, but turn into header injection where somebody unescapes them.
_ESCAPE = r"%(?![01]|7[Ff])[0-9A-Fa-f]{2}"
_USER = re.compile(rf"(?:[A-Za-z0-9_.!~*()&=+$,;/-]|{_ESCAPE})+")
_PARAM = re.compile(rf"(?:[A-Za-z0-9_.!~*()\[\]/:&+$-]|{_ESCAPE})+")

_NEVER = (
    (re.compile(r"[\x00-\x20\x7f]"), "a blank or a control character", "remove it, also at the ends"),
    (
        re.compile(r"[^\x00-\x7f]"),
        "a character outside ASCII",
        "write an international host name in its `xn--` form, and escape such characters in a user part",
    ),
    (re.compile("[<>\"']"), "quotes or angle brackets", "give the URI alone, without a name around it"),
    (re.compile("//"), "`//`", "write `sip:host`, without slashes; in a user part, escape a slash as `%2F`"),
    (re.compile(r"\?"), "`?`, which begins URI headers", "leave the headers out; in a user part, escape it as `%3F`"),
)
"""What no part of an address may hold, and what to do about it."""

_PARTS: dict[Literal["sips", "transport", "user", "params"], str] = {
    "sips": "the scheme `sips`",
    "transport": "a transport",
    "user": "a user part",
    "params": "URI parameters",
}

_EXAMPLES = "write `host`, `host:port` or a URI such as `sip:host:port;transport=tcp`"


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
            "host": _host(self.host),
            "port": _port(self.port),
            "scheme": _scheme(self.scheme),
            "transport": _transport(self.transport),
            "user": _user(self.user),
            "params": _params(self.params),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        _check_together(self)
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
        _check_text(text)
        scheme, rest = _split_scheme(text)
        # The last `@`: a user part may hold none (RFC 3261, section 25.1), so an earlier one is refused with the user.
        user, at, rest = rest.rpartition("@")
        location, *fields = rest.split(";")
        if scheme is None and (at or fields):
            raise InvalidInput(
                "a SIP address without a scheme holds a user part or parameters",
                remedy="write it as a URI, `sip:user@host;name=value`, and leave a password out of it",
            )
        transport, params = _read_params(fields)
        host, port = _split_port(location)
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
        if self.port is not None and self.host in _SCHEME_WORDS:
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
        return InvalidInput("a SIP address is text", remedy=_EXAMPLES)
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


def _check_text(text: object) -> None:
    """Refuse what no part of an address may hold, so that the splitting below cannot be misled."""
    if not isinstance(text, str):
        raise InvalidInput("a SIP address is text", remedy=_EXAMPLES)
    if not text:
        raise InvalidInput("the SIP address is empty", remedy=_EXAMPLES)
    if len(text) > MAX_LENGTH:
        raise _too_long()
    for pattern, what, instead in _NEVER:
        if pattern.search(text):
            raise InvalidInput(f"the SIP address holds {what}", remedy=instead)


def _split_scheme(text: str) -> tuple[Scheme | None, str]:
    word, colon, rest = text.partition(":")
    if not colon:
        return None, text
    scheme = _SCHEMES.get(word.lower())
    if scheme is not None:
        if not rest or rest.isdigit():
            raise InvalidInput("no host follows the scheme", remedy="`sip:` is never a host: write `sip:host:port`")
        return scheme, rest
    if word.lower() in _SCHEME_WORDS:
        raise InvalidInput("the scheme is neither `sip` nor `sips`", remedy=_EXAMPLES)
    return None, text


def _split_port(location: str) -> tuple[str, int | None]:
    # RFC 3261, section 25.1: an IPv6reference is in brackets, because its colons would read as a port.
    if location.startswith("["):
        host, closed, rest = location[1:].partition("]")
        if not closed or ":" not in host or (rest and not rest.startswith(":")):
            raise InvalidInput(
                "the brackets do not hold an IPv6 address", remedy="write `[2001:db8::5]` or `[2001:db8::5]:5060`"
            )
        return host, _read_port(rest[1:]) if rest else None
    host, colon, rest = location.partition(":")
    if ":" in rest:
        raise InvalidInput(
            "the host and port of the SIP address hold more than one colon",
            remedy="write IPv6 in brackets, `[2001:db8::5]:5060`; a scheme can only be `sip:` or `sips:`",
        )
    return host, _read_port(rest) if colon else None


def _read_port(text: str) -> int:
    if not _PORT.fullmatch(text):
        raise _bad_port()
    return int(text)


def _bad_port() -> InvalidInput:
    return InvalidInput(
        f"the port is not a number from 1 to {MAX_PORT}", remedy="write it in digits after the colon, or leave both out"
    )


def _read_params(fields: list[str]) -> tuple[Transport | None, Params]:
    """The transport, and the other parameters."""
    transport: Transport | None = None
    params: list[tuple[str, str | None]] = []
    for text in fields:
        name, equals, value = text.partition("=")
        if name.lower() != "transport":
            params.append((name, value if equals else None))
        elif transport is not None:
            raise _repeated()
        else:
            transport = _transport(value)
    return transport, tuple(params)


def _host(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidInput("the SIP address has no host", remedy=_EXAMPLES)
    if not value.isascii():
        raise InvalidInput("the host holds a character outside ASCII", remedy="write its `xn--` form")
    if "%" in value:  # a zone (RFC 4007) means something on one machine only
        raise InvalidInput(
            "the host holds `%`, as in an IPv6 zone", remedy="give an address that is valid without its zone"
        )
    host = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    if ":" in host or host != value:
        literal = _ip_literal(ipaddress.IPv6Address, host)
        if literal is None:
            raise InvalidInput("the host is not the IPv6 address it looks like", remedy="write it like `[2001:db8::5]`")
        return literal
    if not host.strip("0123456789."):
        literal = _ip_literal(ipaddress.IPv4Address, host)
        if literal is None:
            raise InvalidInput(
                "the host is made of digits and is not an IPv4 address",
                remedy="write four numbers from 0 to 255 without leading zeros, or a host name",
            )
        return literal
    return _name(host.lower())


def _ip_literal(kind: type[ipaddress.IPv4Address | ipaddress.IPv6Address], host: str) -> str | None:
    """``None`` instead of an error: the one of :mod:`ipaddress` quotes the text and would be the context of ours."""
    try:
        return str(kind(host))
    except ValueError:
        return None


def _name(host: str) -> str:
    host = host.removesuffix(".")  # the root of DNS: RFC 3261 allows it, registrars and certificates leave it out
    # DNS serves such names, and RFC 3261, section 25.1, has letters, digits and hyphens only.
    if "_" in host:
        raise InvalidInput(
            "the host name holds an underscore", remedy="ask the carrier for a name without one, or use the IP address"
        )
    if len(host) > MAX_HOST:
        raise InvalidInput(f"the host name has more than {MAX_HOST} characters", remedy="check the name")
    labels = host.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidInput(
            "the host is not a host name",
            remedy="write one host, in letters, digits and hyphens, in parts of 1 to 63 characters joined by dots",
        )
    # RFC 3261, section 25.1: a toplabel begins with a letter; `1.2.3` and `10.0.0.256` are meant as addresses.
    if labels[-1][0].isdigit():
        raise InvalidInput(
            "the last part of the host name begins with a digit", remedy="check the name, or write a full IPv4 address"
        )
    return host


def _port(value: object) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not 1 <= value <= MAX_PORT:  # a bool is an int too
        raise _bad_port()
    return value


def _scheme(value: object) -> Scheme | None:
    if value is None:
        return None
    scheme = _SCHEMES.get(value.lower() if isinstance(value, str) else "")
    if scheme is None:
        raise InvalidInput("the scheme is neither `sip` nor `sips`", remedy="give one of the two, or none")
    return scheme


def _transport(value: object) -> Transport | None:
    if value is None:
        return None
    transport = _TRANSPORTS.get(value.lower() if isinstance(value, str) else "")
    if transport is None:
        raise InvalidInput("the transport is not udp, tcp or tls", remedy="write one of the three, or leave it out")
    return transport


def _user(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise InvalidInput("the user part is empty", remedy="leave out the `@` as well, or name the user")
    # `user:password@` is in the grammar, and RFC 3261, section 19.1.1, advises against it: it is shown everywhere.
    if ":" in value:
        raise InvalidInput(
            "the user part of the SIP address holds a password",
            remedy="leave it out of the address and give user name and password as the credentials of the trunk",
        )
    if not _USER.fullmatch(value):
        raise InvalidInput(
            "the user part holds a character that has to be escaped, or a bad escape",
            remedy="write such characters as `%` and two hexadecimal digits, `@` as `%40`; control characters never",
        )
    return value


def _params(value: object) -> Params:
    if not isinstance(value, (tuple, list)):
        raise _bad_param()
    params = tuple(_param(item) for item in value)
    names = {name for name, _ in params}
    if "transport" in names:
        raise InvalidInput("the transport is given as a parameter", remedy="give it in the field `transport`")
    if len(names) < len(params):
        raise _repeated()
    return params


def _param(item: object) -> tuple[str, str | None]:
    match item:
        case (str() as name, None) if _PARAM.fullmatch(name):
            return name.lower(), None
        case (str() as name, str() as content) if _PARAM.fullmatch(name) and _PARAM.fullmatch(content):
            return name.lower(), content
    raise _bad_param()


def _repeated() -> InvalidInput:
    return InvalidInput("a URI parameter is given twice", remedy="give each parameter once; case makes no difference")


def _bad_param() -> InvalidInput:
    return InvalidInput(
        "a URI parameter is empty or holds a character that has to be escaped",
        remedy="write `;name` or `;name=value`, other characters as `%` and two hexadecimal digits",
    )


def _check_together(address: SipAddress) -> None:
    """What each part allows and the whole does not."""
    if address.scheme is None and address.uri_parts:
        raise InvalidInput(
            "a transport, a user part or parameters need a scheme", remedy="give the scheme `sip` or `sips` as well"
        )
    if address.scheme is None and address.port is not None and address.host in _SCHEME_WORDS:
        raise InvalidInput(
            "the host is named like a URI scheme and would be read as one", remedy="give the scheme `sip` as well"
        )
    # RFC 3261, section 26.2.2: sips is TLS hop by hop, which runs over TCP.
    if address.scheme == "sips" and address.transport == "udp":
        raise InvalidInput("`sips` cannot go over udp", remedy="use transport tcp or tls, or the scheme `sip`")
    uri = address.uri()
    if "//" in uri:
        raise InvalidInput("the SIP address holds `//`", remedy="escape a slash in a user part as `%2F`")
    if len(uri) > MAX_LENGTH:
        raise _too_long()


def _too_long() -> InvalidInput:
    return InvalidInput(f"the SIP address has more than {MAX_LENGTH} characters", remedy="leave parameters out")
