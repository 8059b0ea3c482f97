"""Faults between a client and a vendor, as data for an emulator."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

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

    def strikes(self, method: str, path: str) -> bool:
        """Whether this request is hit; counts it."""
        if self.times <= 0 or (self.method and self.method != method) or self.path not in path:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True
