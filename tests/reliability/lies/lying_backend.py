"""Emulators that lie: the vendor acts as it does, and what a client is told of it is something else.

A `LyingBackend` is the backend of both clients. It answers with another record's body, with a redirect, with an interim
answer, with a 404 that is not true, with nothing; it lets a request act late, and its lists lag behind. What is true
stands in the emulator, and in nothing else.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import quote

from telephony_core.emulator import Emulator, HttpRequest, ReceivedRequest, Record, RecordStore, Response
from telephony_core.errors import NoAnswer
from tests.reliability.lies.vendors import elsewhere, is_live, state_of
from tests.reliability.models.simulated_time import SharedTime
from tests.vendors import VENDORS

TRAVEL: Final = 0.05
"""Seconds that a request is on its way, and its answer as long."""
NOBODY: Final = "00000000-0000-4000-8000-000000000000"
ELSEWHERE: Final = "https://elsewhere.example.com/"

# -- the lies


class Sort(StrEnum):
    """What a request is."""

    READ = "read"
    """By id."""
    LIST = "list"
    CREATE = "create"
    CHANGE = "change"
    END = "end"
    OTHER = "other"


WRITES: Final = (Sort.CREATE, Sort.CHANGE, Sort.END)


class What(StrEnum):
    """What is answered."""

    ANOTHER = "another record's answer"
    OTHER_NUMBER = "the right id, and another record's number"
    OTHER_ID = "the right number, and another record's id"
    NOT_FOUND = "a 404 that is not true"
    REDIRECT = "3xx"
    INTERIM = "1xx"
    BROKEN = "5xx"
    SILENCE = "nothing"
    TRUTH = "the truth"


class Acts(StrEnum):
    """When a write acts of which something else is told."""

    AT_ONCE = "at once"
    NEVER = "never"
    LATE = "late"


class Odd(StrEnum):
    """How a record comes out that was made: the vendor's own doing, and it says so."""

    PENDING = "pending"
    SUSPENDED = "suspended"
    OTHERWISE = "with another setting"


REDIRECTS: Final = (301, 302, 303, 307, 308)
INTERIMS: Final = (100, 101, 102, 103)


@dataclass
class Lie:
    """One lie, for the requests of its sort: the first ``skip`` pass untouched, then it strikes ``times`` times."""

    what: What
    on: Sort
    acts: Acts = Acts.AT_ONCE
    skip: int = 0
    times: int = 1
    late: float = 300.0
    """Seconds after which a request acts whose answer was given up."""
    pick: int = 0
    """Which of the other records, or of the statuses."""
    about: str | None = None
    """The id of the other record, where it matters."""
    odd: Odd | None = None
    in_part: bool = False
    """Whether of what a write sends only a part takes effect."""
    quicker: Callable[[], str] | None = None
    """Done when it strikes, before the request acts: somebody's record comes to be, and that is told of."""

    def strikes(self, sort: Sort) -> bool:
        if sort is not self.on or self.times <= 0:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True

    @property
    def misnames(self) -> bool:
        """Whether it names another record."""
        return self.what in (What.ANOTHER, What.OTHER_ID, What.OTHER_NUMBER)


@dataclass(frozen=True)
class Effect:
    """What one request did, by the vendor's true state."""

    end: str
    made: Mapping[str, Record] = field(default_factory=dict)
    changed: Mapping[str, tuple[Record, Record]] = field(default_factory=dict)
    over: Mapping[str, Record] = field(default_factory=dict)
    """Records that were given up, as they were before."""


class LyingBackend:
    """A vendor's account that lies, as the backend of either client.

    ``arrives`` is told of every write when it comes, and gives what is to be told of its effect: a late one has been
    sent long before. ``told`` and ``misled`` are told of a read by id that was answered truly, or named another record.
    """

    name = "liar"

    def __init__(self, end: str, emulator: Emulator, time: SharedTime) -> None:
        self.end = end
        self.emulator = emulator
        self.vendor = emulator.slug
        self.words = VENDORS[emulator.slug]
        self.time = time
        self.lies: list[Lie] = []
        self.lag = 0.0
        """Seconds by which its lists lag behind."""
        self.before_each: Callable[[], None] = lambda: None
        self.arrives: Callable[[LyingBackend], Callable[[Effect], None]] = lambda _: lambda __: None
        self.told: Callable[[LyingBackend, str], None] = lambda _, __: None
        self.misled: Callable[[LyingBackend, str, bool], None] = lambda _, __, ___: None
        self.creates = 0
        """Requests that would make a record, whether they acted or not."""
        self._late: list[tuple[float, Callable[[], object]]] = []
        self._history: list[tuple[float, RecordStore]] = []
        self.changed()

    # -- the two clients

    def send(self, request: HttpRequest, timeout: float) -> Response:
        self.time.advance(TRAVEL)
        answer = self._meet(request)
        self.time.advance(TRAVEL if answer is not None else timeout)
        if answer is None:
            raise NoAnswer("the answer did not come")
        return answer

    async def asend(self, request: HttpRequest, timeout: float) -> Response:
        await asyncio.sleep(TRAVEL)
        answer = self._meet(request)
        await asyncio.sleep(TRAVEL if answer is not None else timeout)
        if answer is None:
            raise NoAnswer("the answer did not come")
        return answer

    def close(self) -> None:
        """The account outlives its clients."""

    async def aclose(self) -> None:
        """The account outlives its clients."""

    # -- time

    def changed(self) -> None:
        """Keep what its lists will show from now on."""
        now = self.time.passed
        self._history = [kept for kept in self._history if kept[0] != now]
        self._history.append((now, copy.deepcopy(self.emulator.store)))

    def act_late(self) -> None:
        """Let everything happen that was given up and is due by now."""
        due = [act for at, act in self._late if at <= self.time.passed]
        self._late = [(at, act) for at, act in self._late if at > self.time.passed]
        for act in due:
            act()

    @property
    def in_the_air(self) -> bool:
        """Whether a request is still to act."""
        return bool(self._late)

    # -- answering

    def _meet(self, request: HttpRequest) -> Response | None:
        self.before_each()
        call = self.emulator._read(request)
        sort, id = self._sort(call)
        self.creates += sort is Sort.CREATE
        lie = next((lie for lie in self.lies if lie.strikes(sort)), None)
        if lie is not None and lie.quicker is not None:
            lie.about = lie.quicker()
        made: str | None = None
        truth: Response | None = None
        if sort in WRITES:
            effect_of = self.arrives(self)
            if lie is None or lie.acts is Acts.AT_ONCE:
                truth, made = self._write(request, effect_of, lie)
            elif lie.acts is Acts.LATE:
                self._late.append((self.time.passed + lie.late, lambda: self._write(request, effect_of, lie)))
        else:
            truth = self._read(request, sort)
            if sort is Sort.READ and id is not None and (lie is None or lie.what is What.TRUTH):
                self.told(self, id)
            elif sort is Sort.READ and id is not None and lie is not None and lie.misnames:
                self.misled(self, id, lie.what is What.OTHER_NUMBER)
        if lie is None or lie.what is What.TRUTH:
            return truth
        return self._lied(lie, truth, request, sort, id or made)

    def _sort(self, call: ReceivedRequest) -> tuple[Sort, str | None]:
        if call.method == "POST" and call.segments == self.words.create:
            return Sort.CREATE, None
        if call.segments == self.words.numbers:
            return Sort.LIST, None
        for below in self.words.at or {self.words.numbers}:
            if call.segments[: len(below)] == below:
                sort = {"GET": Sort.READ, "DELETE": Sort.END}.get(call.method, Sort.CHANGE)
                return sort, call.segments[len(below)]
        return Sort.OTHER, None

    def _read(self, request: HttpRequest, sort: Sort) -> Response:
        if sort is not Sort.LIST or not self.lag:
            return self.emulator.handle(request)
        then = self.time.passed - self.lag
        shown = [store for at, store in self._history if at <= then] or [self._history[0][1]]
        truth, self.emulator.store = self.emulator.store, shown[-1]
        try:
            return self.emulator.handle(request)
        finally:
            self.emulator.store = truth

    def _write(
        self, request: HttpRequest, effect_of: Callable[[Effect], None], lie: Lie | None
    ) -> tuple[Response, str | None]:
        """Act, tell what it did, and give the true answer and the id of what was made."""
        before = state_of(self.emulator)
        if lie is not None and lie.in_part and request.body:
            sent = json.dumps(_part_of(json.loads(request.body))).encode()
            request = HttpRequest(request.method, request.url, request.headers, sent)
        answer = self.emulator.handle(request)
        made = next(iter(state_of(self.emulator).keys() - before.keys()), None)
        if made is not None and lie is not None and lie.odd is not None:
            self._come_out(made, lie.odd)
            answer = Response(answer.status, answer.headers, json.dumps(self.emulator.store[made]).encode())
        after = state_of(self.emulator)
        kept = before.keys() & after.keys()
        over = {id for id in kept if is_live(self.vendor, before[id]) and not self._goes_on(before[id], after[id])}
        effect = Effect(
            self.end,
            {id: after[id] for id in after.keys() - before.keys()},
            {id: (before[id], after[id]) for id in kept - over if before[id] != after[id]},
            {id: before[id] for id in over | (before.keys() - after.keys())},
        )
        self.changed()
        if effect.made or effect.changed or effect.over:
            effect_of(effect)
        return answer, made

    def _goes_on(self, before: Record, after: Record) -> bool:
        """Whether a record was not given up by what happened to it, at once or for later."""
        ends = self.words.ends
        return is_live(self.vendor, after) and (after.get(ends) is None or before.get(ends) is not None)

    def _come_out(self, id: str, odd: Odd) -> None:
        words = self.words
        status = {Odd.PENDING: words.pending, Odd.SUSPENDED: "suspended"}.get(odd) if words.status else None
        if status is None:
            self.emulator.store.edit(id, elsewhere(self.emulator, self.emulator.store[id]))
            return
        self.emulator.store.edit(id, {words.status: status, **words.not_before(self.emulator)})

    # -- lying

    def _lied(
        self, lie: Lie, truth: Response | None, request: HttpRequest, sort: Sort, id: str | None
    ) -> Response | None:
        match lie.what:
            case What.SILENCE:
                return None
            case What.BROKEN:
                return Response(502, {"content-type": "text/html"}, b"<html>Bad gateway</html>")
            case What.REDIRECT:
                return Response(REDIRECTS[lie.pick % len(REDIRECTS)], {"location": ELSEWHERE}, b"")
            case What.INTERIM:
                return Response(INTERIMS[lie.pick % len(INTERIMS)], {}, b"")
            case What.NOT_FOUND:
                return self._not_found(request, id)
        return self._about_another(lie, truth, sort, id)

    def _not_found(self, request: HttpRequest, id: str | None) -> Response:
        written = quote(id, safe="") if id is not None else ""
        if not written or written not in request.url:
            return Response(404, {"content-type": "application/json"}, b"{}")
        nobodys = HttpRequest(request.method, request.url.replace(written, NOBODY), request.headers, request.body)
        return self.emulator.handle(nobodys)

    def _about_another(self, lie: Lie, truth: Response | None, sort: Sort, id: str | None) -> Response | None:
        others = [other for other in self.emulator.store if other != id]
        if not others:
            return truth or Response(502, {}, b"")
        other = self.emulator.store[lie.about if lie.about in others else others[lie.pick % len(others)]]
        own = self.emulator.store[id] if id is not None and id in self.emulator.store else None
        body = dict(other)
        if own is not None and lie.what is What.OTHER_NUMBER:
            body = {**own, self.words.number: other[self.words.number]}
        elif own is not None and lie.what is What.OTHER_ID:
            body = {**own, self.emulator.id_key: other[self.emulator.id_key]}
        if self.words.ended and sort is Sort.END:
            at = int(self.emulator.now().timestamp() * 1000)
            body = {**{name: body[name] for name in self.words.ended}, "effective_at": at}
        return Response(200, {"content-type": "application/json"}, json.dumps(body, ensure_ascii=False).encode())


def _part_of(sent: dict[str, object]) -> dict[str, object]:
    """All but the last setting of a body; of one that has a single one, a part of that.

    Credentials stay: where a vendor does not show them, nobody can know whether they took effect, and that is said.
    """
    *_, name = (name for name in sent if "password" not in name and "user" not in name)
    inner = sent[name]
    if len(sent) == 1 and isinstance(inner, dict) and inner:
        return {name: _part_of(inner)}
    return {other: value for other, value in sent.items() if other != name}
