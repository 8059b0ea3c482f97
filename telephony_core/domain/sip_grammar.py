"""What each part of a SIP address may hold, and what is said of one that may not be.

The grammar is that of RFC 3261 (§19.1.1, §25.1), narrowed to what can be meant for a trunk. No error repeats what it
refuses: it may be a URI with a password in it.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Literal

from telephony_core.errors import InvalidInput

if TYPE_CHECKING:
    from telephony_core.domain.sip_address import SipAddress

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
SCHEME_WORDS = frozenset({"sip", "sips", "tel", "http", "https", "mailto"})

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

EXAMPLES = "write `host`, `host:port` or a URI such as `sip:host:port;transport=tcp`"


def check_text(text: object) -> None:
    """Refuse what no part of an address may hold, so that the splitting below cannot be misled."""
    if not isinstance(text, str):
        raise InvalidInput("a SIP address is text", remedy=EXAMPLES)
    if not text:
        raise InvalidInput("the SIP address is empty", remedy=EXAMPLES)
    if len(text) > MAX_LENGTH:
        raise _too_long()
    for pattern, what, instead in _NEVER:
        if pattern.search(text):
            raise InvalidInput(f"the SIP address holds {what}", remedy=instead)


def split_scheme(text: str) -> tuple[Scheme | None, str]:
    word, colon, rest = text.partition(":")
    if not colon:
        return None, text
    scheme = _SCHEMES.get(word.lower())
    if scheme is not None:
        if not rest or rest.isdigit():
            raise InvalidInput("no host follows the scheme", remedy="`sip:` is never a host: write `sip:host:port`")
        return scheme, rest
    if word.lower() in SCHEME_WORDS:
        raise InvalidInput("the scheme is neither `sip` nor `sips`", remedy=EXAMPLES)
    return None, text


def split_port(location: str) -> tuple[str, int | None]:
    # RFC 3261, section 25.1: an IPv6reference is in brackets, because its colons would read as a port.
    if location.startswith("["):
        host, closed, rest = location[1:].partition("]")
        if not closed or ":" not in host or (rest and not rest.startswith(":")):
            raise InvalidInput(
                "the brackets do not hold an IPv6 address", remedy="write `[2001:db8::5]` or `[2001:db8::5]:5060`"
            )
        return host, port_in(rest[1:]) if rest else None
    host, colon, rest = location.partition(":")
    if ":" in rest:
        raise InvalidInput(
            "the host and port of the SIP address hold more than one colon",
            remedy="write IPv6 in brackets, `[2001:db8::5]:5060`; a scheme can only be `sip:` or `sips:`",
        )
    return host, port_in(rest) if colon else None


def port_in(text: str) -> int:
    if not _PORT.fullmatch(text):
        raise _bad_port()
    return int(text)


def _bad_port() -> InvalidInput:
    return InvalidInput(
        f"the port is not a number from 1 to {MAX_PORT}", remedy="write it in digits after the colon, or leave both out"
    )


def params_in(fields: list[str]) -> tuple[Transport | None, Params]:
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
            transport = read_transport(value)
    return transport, tuple(params)


def read_host(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidInput("the SIP address has no host", remedy=EXAMPLES)
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


def read_port(value: object) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not 1 <= value <= MAX_PORT:  # a bool is an int too
        raise _bad_port()
    return value


def read_scheme(value: object) -> Scheme | None:
    if value is None:
        return None
    scheme = _SCHEMES.get(value.lower() if isinstance(value, str) else "")
    if scheme is None:
        raise InvalidInput("the scheme is neither `sip` nor `sips`", remedy="give one of the two, or none")
    return scheme


def read_transport(value: object) -> Transport | None:
    if value is None:
        return None
    transport = _TRANSPORTS.get(value.lower() if isinstance(value, str) else "")
    if transport is None:
        raise InvalidInput("the transport is not udp, tcp or tls", remedy="write one of the three, or leave it out")
    return transport


def read_user(value: object) -> str | None:
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


def read_params(value: object) -> Params:
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


def check_together(address: SipAddress) -> None:
    """What each part allows and the whole does not."""
    if address.scheme is None and address.uri_parts:
        raise InvalidInput(
            "a transport, a user part or parameters need a scheme", remedy="give the scheme `sip` or `sips` as well"
        )
    if address.scheme is None and address.port is not None and address.host in SCHEME_WORDS:
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
