"""Faults between a client and a vendor, as data for an emulator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Self, TypeVar

from telephony_core.errors import InvalidInput, instead_of
from telephony_core.provider.flow import Response

T = TypeVar("T")
D = TypeVar("D")


class FaultKind(StrEnum):
    """What happens to a request.

    The last three differ on a real connection only (`telephony_core.emulator.server`); in process they are
    ``LOST_AFTER``, ``LOST_BEFORE`` and ``LOST_AFTER``.
    """

    REFUSED = "refused"
    """No connection: the request never leaves. A server has to read the request first to match it, so
    there it closes the connection without having acted."""
    LOST_BEFORE = "lost_before"
    """The connection breaks before the vendor acted."""
    LOST_AFTER = "lost_after"
    """The vendor acts, the answer is lost."""
    LATE = "late"
    """The answer is lost, and the vendor acts later: when `Emulator.act_late` is called."""
    ANSWER = "answer"
    """The vendor does not act and gives ``response``."""
    ANSWER_AFTER = "answer_after"
    """The vendor acts, and a gateway gives ``response`` in place of the real answer."""
    ANOTHER_RECORD = "another_record"
    """The vendor acts, and the answer shows another record: a cache or a proxy has mixed two answers up. Listings and
    answers without a body are as they are."""
    CUT_IN_BODY = "cut_in_body"
    """The vendor acts; the connection ends in the middle of the answer's body."""
    SILENT = "silent"
    """The vendor does not act and says nothing until the client goes away."""
    DRIP = "drip"
    """The vendor acts; its answer comes one byte every ``pause`` seconds."""

    @property
    def acts(self) -> bool:
        """Whether the vendor does what the request asks, at once."""
        return self in (
            FaultKind.LOST_AFTER,
            FaultKind.ANSWER_AFTER,
            FaultKind.ANOTHER_RECORD,
            FaultKind.CUT_IN_BODY,
            FaultKind.DRIP,
        )

    @property
    def answers(self) -> bool:
        """Whether an answer arrives, which is the fault's own."""
        return self in (FaultKind.ANSWER, FaultKind.ANSWER_AFTER, FaultKind.ANOTHER_RECORD)


@dataclass(slots=True)
class Fault:
    """One fault, for the requests it matches.

    ``method`` and ``path`` (a part of the URL's path below the base URL, unescaped, with its trailing slash) choose
    requests, empty ones match all; the first ``skip`` matches pass untouched, then it strikes ``times`` times.
    ``response`` is the answer of ``ANSWER`` and ``ANSWER_AFTER``, ``pause`` (seconds) belongs to ``DRIP``.
    ``record`` is the id of the record that ``ANOTHER_RECORD`` shows; without it, any other than the right one.
    """

    kind: FaultKind
    method: str = ""
    path: str = ""
    times: int = 1
    skip: int = 0
    response: Response = field(default_factory=lambda: Response(503, {}, b""))
    pause: float = 0.05
    record: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """A fault from its short form, ``KIND[,NAME=VALUE]…``, as ``telephony emulate --fault`` takes it.

        The names are those of the fields; in the place of ``response`` stand ``status`` and ``retry_after`` (seconds).
        Raises `InvalidInput` for an unknown word, and for a value that means nothing to this kind of fault.

        >>> Fault.parse("lost_after,method=POST,times=2").method
        'POST'
        """
        word, *parts = [part.strip() for part in str(text).split(",")]
        if word not in _KINDS:
            raise InvalidInput(f"{word[:60]!r} is no kind of fault", remedy=f"use one of: {', '.join(_KINDS)}")
        kind, given = FaultKind(word), dict[str, str]()
        for part in parts:
            name, equals, value = part.partition("=")
            if name not in _NAMES or not equals or name in given:
                raise InvalidInput(
                    f"{part[:60]!r} of the fault {word} cannot be read",
                    remedy=f"write NAME=VALUE, once each; the names are: {', '.join(_NAMES)}",
                )
            # Ignored, it would make a test that proves nothing.
            if name in _ONLY and kind not in _ONLY[name]:
                only = ", ".join(_ONLY[name])
                raise InvalidInput(f"{name} means nothing to the fault {word}", remedy=f"it is for: {only}")
            given[name] = value
        fault = cls(kind)
        # Methods are case-sensitive (RFC 9110, section 9.1); people type them small.
        fault.method = _read(given, "method", _text, "a text", fault.method).upper()
        fault.path = _read(given, "path", _text, "a text", fault.path)
        fault.times = _read(given, "times", _count, _WHOLE, fault.times)
        fault.skip = _read(given, "skip", _count, _WHOLE, fault.skip)
        fault.pause = _read(given, "pause", _seconds, _SECONDS, fault.pause)
        fault.record = _read(given, "record", _text, "a text", fault.record)
        status = _read(given, "status", _status, "an HTTP status from 200 to 599", fault.response.status)
        pause = _read(given, "retry_after", _count, _SECONDS, None)
        fault.response = Response(status, {} if pause is None else {"retry-after": str(pause)}, b"")
        return fault

    def strikes(self, method: str, path: str) -> bool:
        """Whether this request is hit; counts it."""
        # A part of the path is enough, so that a test need not know an id.
        if self.times <= 0 or (self.method and self.method != method) or self.path not in path:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True


def _count(text: str) -> int:
    count = int(text)
    if count < 0:
        raise ValueError
    return count


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < float("inf"):  # refuses nan as well
        raise ValueError
    return seconds


def _status(text: str) -> int:
    status = int(text)
    if not 200 <= status <= 599:
        raise ValueError
    return status


def _text(text: str) -> str:
    if not text:
        raise ValueError
    return text


def _read(given: Mapping[str, str], name: str, read: Callable[[str], T], what: str, default: D) -> T | D:
    """The value of this name, which is ``what``, or the default. Raises `InvalidInput`."""
    if name not in given:
        return default
    with instead_of(
        ValueError,
        lambda _: InvalidInput(f"{given[name][:60]!r} cannot be the {name} of a fault", remedy=f"give {what}"),
    ):
        return read(given[name])


_KINDS: Final = tuple(FaultKind)
_NAMES: Final = ("method", "path", "times", "skip", "status", "retry_after", "pause", "record")
"""The names of the values of a fault's short form."""
_WHOLE: Final = "a whole number from 0 on"
_SECONDS: Final = "seconds, from 0 on"
_ANSWERS: Final = (FaultKind.ANSWER, FaultKind.ANSWER_AFTER)
_ONLY: Final[Mapping[str, tuple[FaultKind, ...]]] = MappingProxyType(
    {
        "status": _ANSWERS,
        "retry_after": _ANSWERS,
        "pause": (FaultKind.DRIP,),
        "record": (FaultKind.ANOTHER_RECORD,),
    }
)
"""The values that mean something to some kinds of fault only."""
