"""Digest authentication: read challenges, choose one, compute the answer (RFC 7616, RFC 8760, RFC 3261 §22)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from telephony_core.sip_check.protocol.credentials import TrunkCredentials

# RFC 7616 §3.2 and its registry; SHA-512-256 is FIPS 180-4's SHA-512/256, not a cut SHA-512.
_HASHES = {"md5": "md5", "sha-256": "sha256", "sha-512-256": "sha512_256"}
_SESSION = "-sess"

_SEPARATORS = re.compile(r"[\s,]*")
_TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~#$&^|-]+")
_EQUALS = re.compile(r"[ \t]*=[ \t]*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)

Protection = Literal["auth", "auth-int"]


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge of a server. ``realm``, ``nonce`` and ``opaque`` are what stood between the quotes, verbatim."""

    scheme: str
    realm: str | None = None
    nonce: str | None = None
    algorithm: str | None = None
    qop: tuple[str, ...] = ()
    opaque: str | None = None
    stale: bool = False

    @property
    def is_digest(self) -> bool:
        return self.scheme.lower() == "digest"

    @property
    def algorithm_name(self) -> str:
        """``MD5`` where the server named none (RFC 7616 §3.3)."""
        return self.algorithm if self.algorithm is not None else "MD5"

    @property
    def is_usable(self) -> bool:
        """Whether it can be answered here: a digest, complete, in an algorithm and with a protection we have."""
        return (
            self.is_digest
            and self.realm is not None
            and self.nonce is not None
            and _hash_name(self.algorithm_name) is not None
            and (not self.qop or self.protection is not None)
            # These go back verbatim, and must not end the header they go back in.
            and not any(_CONTROL.search(text or "") for text in (self.realm, self.nonce, self.opaque))
        )

    @property
    def protection(self) -> Protection | None:
        """The ``qop`` to answer with; ``None`` for none."""
        offered = {word.lower() for word in self.qop}
        if "auth" in offered:
            return "auth"
        return "auth-int" if "auth-int" in offered else None


def read_challenges(values: Iterable[str]) -> tuple[Challenge, ...]:
    """The challenges in these header values, in order. What cannot be read is left out; nothing is raised."""
    return tuple(challenge for value in values for challenge in _read(value))


def _read(text: str) -> list[Challenge]:
    found: list[tuple[str, dict[str, str]]] = []
    bad: set[int] = set()
    position = _end(_SEPARATORS.match(text))
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            bad.add(len(found) - 1)
            break
        equals = _EQUALS.match(text, token.end())
        if equals is None:
            found.append((token[0], {}))
            position = token.end()
        else:
            value = _QUOTED.match(text, equals.end()) or _TOKEN.match(text, equals.end())
            if value is None or not found:
                bad.add(len(found) - 1)
                break
            name, content = token[0].lower(), value[value.lastindex or 0]
            # Twice one parameter: whichever is taken, the server may have meant the other, and a wrong answer counts as
            # a refusal.
            if name in found[-1][1]:
                bad.add(len(found) - 1)
            found[-1][1][name] = content
            position = value.end()
        position = _end(_SEPARATORS.match(text, position))
    return [_challenge(scheme, params) for index, (scheme, params) in enumerate(found) if index not in bad]


def _end(match: re.Match[str] | None) -> int:
    return match.end() if match else 0


def _challenge(scheme: str, params: dict[str, str]) -> Challenge:
    words = (word.strip() for word in plain(params.get("qop", "")).split(","))
    algorithm = params.get("algorithm")
    return Challenge(
        scheme=scheme,
        realm=params.get("realm"),
        nonce=params.get("nonce"),
        algorithm=plain(algorithm) if algorithm is not None else None,
        qop=tuple(word for word in words if word),
        opaque=params.get("opaque"),
        stale=plain(params.get("stale", "")).lower() == "true",
    )


def plain(quoted: str) -> str:
    """What stood between quotes, without its escapes."""
    return _ESCAPED.sub(r"\1", quoted)


def choose(challenges: Sequence[Challenge]) -> Challenge | None:
    """The first one that can be answered: the server's order is its preference (RFC 8760 §2.4)."""
    return next((challenge for challenge in challenges if challenge.is_usable), None)


def algorithms_offered(challenges: Sequence[Challenge]) -> tuple[str, ...]:
    """In the server's order, each once."""
    return tuple(dict.fromkeys(challenge.algorithm_name for challenge in challenges if challenge.is_digest))


def authorize(challenge: Challenge, credentials: TrunkCredentials, *, method: str, uri: str, cnonce: str) -> str:
    """The value of the header that answers a usable challenge, for a request without a body."""
    name = challenge.algorithm_name
    count = "00000001"  # a nonce is used once here
    response = digest_response(challenge, credentials, method=method, uri=uri, cnonce=cnonce, count=count)
    user = credentials.username.replace("\\", "\\\\").replace('"', '\\"')
    fields = [
        f'username="{user}"',
        f'realm="{challenge.realm}"',
        f'nonce="{challenge.nonce}"',
        f'uri="{uri}"',
        f'response="{response}"',
    ]
    # An algorithm the server did not name is not named to it either: RFC 2069 servers know no such parameter.
    if challenge.algorithm is not None:
        fields.append(f"algorithm={challenge.algorithm}")
    if challenge.protection is not None:
        fields += [f"qop={challenge.protection}", f"nc={count}"]
    # A session algorithm hashes it in also where there is no qop (RFC 7616 §3.4.2).
    if challenge.protection is not None or name.lower().endswith(_SESSION):
        fields.append(f'cnonce="{cnonce}"')
    if challenge.opaque is not None:
        fields.append(f'opaque="{challenge.opaque}"')
    return "Digest " + ", ".join(fields)


def digest_response(
    challenge: Challenge,
    credentials: TrunkCredentials,
    *,
    method: str,
    uri: str,
    cnonce: str,
    count: str,
) -> str:
    """The ``response`` of RFC 7616 §3.4.1, for a request without a body."""
    name = challenge.algorithm_name
    realm, nonce = challenge.realm or "", challenge.nonce or ""
    secret = _digest(name, credentials.username, realm, credentials.password.get_secret_value())
    if name.lower().endswith(_SESSION):
        secret = _digest(name, secret, nonce, cnonce)
    request = [method, uri, *([_digest(name, "")] if challenge.protection == "auth-int" else [])]
    protection = [count, cnonce, challenge.protection] if challenge.protection is not None else []
    return _digest(name, secret, nonce, *protection, _digest(name, *request))


def _digest(algorithm: str, *parts: str) -> str:
    """The parts joined by colons, hashed, in hexadecimal."""
    # A realm that is not UTF-8 is hashed as the bytes in which it came.
    data = ":".join(parts).encode("utf-8", "surrogateescape")
    # Nothing here is protected by the strength of MD5; without the mark, FIPS builds refuse to compute it.
    return hashlib.new(_hash_name(algorithm) or "", data, usedforsecurity=False).hexdigest()


def _hash_name(algorithm: str) -> str | None:
    """What `hashlib` calls it, or ``None`` if this Python has no such thing."""
    name = _HASHES.get(algorithm.lower().removesuffix(_SESSION))
    return name if name in hashlib.algorithms_available else None
