"""Faults between a client and a vendor, as data for an emulator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import Field, NonNegativeInt, TypeAdapter, ValidationError

from telephony_core.errors import InvalidInput, instead_of
from telephony_core.provider.flow import Response


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
        given: dict[str, Any] = {}
        for part in parts:
            name, equals, value = part.partition("=")
            if name not in _VALUES or not equals or name in given:
                raise InvalidInput(
                    f"{part[:60]!r} of the fault {word} cannot be read",
                    remedy=f"write NAME=VALUE, once each; the names are: {', '.join(_VALUES)}",
                )
            given[name] = _VALUES[name].read(value, name, word)
        # Methods are case-sensitive (RFC 9110, section 9.1); people type them small.
        method = given.pop("method", "").upper()
        status, pause = given.pop("status", 503), given.pop("retry_after", None)
        response = Response(status, {} if pause is None else {"retry-after": str(pause)}, b"")
        return cls(FaultKind(word), method=method, response=response, **given)

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


_KINDS: Final = tuple(FaultKind)
_ANSWERS: Final = (FaultKind.ANSWER, FaultKind.ANSWER_AFTER)


@dataclass(frozen=True, slots=True)
class _Value:
    """A value of a fault's short form: how it is read, in words as well, and the kinds to which it means something."""

    shape: Any
    words: str
    kinds: tuple[FaultKind, ...] = _KINDS

    def read(self, text: str, name: str, kind: str) -> Any:
        # Ignored, it would make a test that proves nothing.
        if kind not in self.kinds:
            only = ", ".join(self.kinds)
            raise InvalidInput(f"{name} means nothing to the fault {kind}", remedy=f"it is for: {only}")
        refused = InvalidInput(f"{text[:60]!r} cannot be the {name} of a fault", remedy=f"give {self.words}")
        with instead_of(ValidationError, lambda _: refused):
            return TypeAdapter(self.shape).validate_python(text)


_TEXT: Final = Annotated[str, Field(min_length=1)]
_STATUS: Final = Annotated[int, Field(ge=200, le=599)]
_SECONDS: Final = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_VALUES: Final[Mapping[str, _Value]] = {
    "method": _Value(_TEXT, "a text"),
    "path": _Value(_TEXT, "a text"),
    "times": _Value(NonNegativeInt, "a whole number from 0 on"),
    "skip": _Value(NonNegativeInt, "a whole number from 0 on"),
    "status": _Value(_STATUS, "an HTTP status from 200 to 599", _ANSWERS),
    "retry_after": _Value(NonNegativeInt, "seconds, from 0 on", _ANSWERS),
    "pause": _Value(_SECONDS, "seconds, from 0 on", (FaultKind.DRIP,)),
    "record": _Value(_TEXT, "a text", (FaultKind.ANOTHER_RECORD,)),
}
