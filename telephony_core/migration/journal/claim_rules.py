"""Who may import or change a number at a target, when several plans would: decisions alone, stores keep the rows.

Lists of providers lag, so a number that another plan imported a moment ago may not show yet. What was noted when it was
sent does not lag.

    (none) ──claim──> claimed ──sent──> in doubt ──done──> made ──rolled back, released, or window over──> (none)
                       │ │ └──renewed right before it is sent, if the window is over and the claim still there
                       │ └──window over, and another plan has it──> nothing is sent
                       └──not sent──> (none)     └──refused──> (none)

    the same of changed settings, one after the other:

    (none) ──claim──> claimed ──sent──> in doubt ──answered──> claimed ──read back, or window over──> (none)
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeAlias, TypeGuard
from urllib.parse import urlsplit

from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.errors import MigrationError
from telephony_core.migration.journal.entries import Action, Entry, Phase
from telephony_core.migration.plan.model import Endpoint, PlanKind
from telephony_core.migration.plan.store import LoadedPlan

_CHANGES: Final = (Action.SET_LABEL, Action.SET_SIP, Action.SET_AGENTS)


class NumberClaimed(MigrationError):
    """Another plan imports this number at this target, or has just done so. Nothing was written.

    Remedy: let that plan end, or roll it back; the text names it.
    """


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """The claim of one number at one account, the two of which are its key."""

    plan: str
    """The plan and its target, as `plan_key` names them."""
    shown_as: str
    """The plan, for people."""
    record: str | None
    """``None``: nothing was sent; empty: what was sent may have happened; else the record that was made."""
    until: datetime
    """When the claim ends by itself; aware UTC."""


Decide: TypeAlias = Callable[[ClaimRow | None], ClaimRow | None]
ChangeRow: TypeAlias = Callable[[tuple[str, str], Decide], Awaitable[None]]
"""How a store changes the row of an account and a number to what is decided of it; ``None`` is no row. Nobody else may
change the row in between, or it is decided again."""


class Claims:
    """The claims of one run, over whatever keeps the rows: they keep two plans from importing one number at one target
    at once."""

    def __init__(
        self, loaded: LoadedPlan, names: Mapping[str, str], now: Callable[[], datetime], change: ChangeRow
    ) -> None:
        """``names`` gives the number of each planned key, as `NumberIdentity.account_key` has it."""
        plan = loaded.plan
        self._plan = plan_key(loaded)
        self._shown_as = loaded.name if loaded.path is None else str(loaded.file)
        # Nothing is released where there is no source, so that the target stands in its place is never used.
        self._source, self._target = place_of(plan.source or plan.target), place_of(plan.target)
        self._names, self._kind = names, plan.kind
        self._known = {number.key: number.source.id for number in plan.numbers if number.source is not None}
        self._window = plan.settings.in_doubt
        self._now = now
        self._change_row = change
        self._until: dict[tuple[str, str], datetime] = {}
        """When the claims of this run end by themselves."""

    async def claim(self, number: str, identity: NumberIdentity, *, goes_on: bool = False) -> None:
        """Keep every other plan from importing a number of this one. Raises `NumberClaimed` where another plan has it.

        ``goes_on``: the journal knows that an import of it was sent.
        """
        key = self._target, identity.account_key
        await self._change(key, lambda row: self._claimed(row, number, goes_on=goes_on))

    async def renew(self, number: str) -> None:
        """Be sure, right before something is sent, that a claim which this run made of the number still stands.

        Raises `NumberClaimed` where it ended by itself and another plan may have had the number since.
        """
        key = self._target, self._names.get(number, "")
        if not self._is_over(key):
            return
        # A run that was stopped, or a pace that held it, outlasted the claim. Where nobody took the number meanwhile,
        # nothing has changed; else the target has to be looked at again.
        await self._change(key, self._renewed)
        if self._is_over(key):
            raise NumberClaimed(
                f"{number} waited so long for its turn that another plan may have imported or changed it, "
                "so nothing was sent",
                remedy="run the command again: it looks at the target first",
            )

    async def follow(self, entry: Entry) -> None:
        """Keep or end the claim of a number by what was just written into the journal."""
        if (key := self._key_after(entry)) is not None:
            await self._change(key, lambda row: self._after(row, entry))

    def _is_over(self, key: tuple[str, str]) -> bool:
        """Whether this run had a claim that has ended by itself. One that was given back is not over: there is none."""
        until = self._until.get(key)
        return until is not None and until <= self._now()

    async def _change(self, key: tuple[str, str], decide: Decide) -> None:
        """As `ChangeRow`, and remember until when the row is this plan's."""
        found: ClaimRow | None = None
        left: ClaimRow | None = None

        def decided(row: ClaimRow | None) -> ClaimRow | None:
            nonlocal found, left
            found, left = row, decide(row)
            return left

        await self._change_row(key, decided)
        # Only now: what was decided first may have been decided again, or not been kept.
        if self._is_mine(left):
            self._until[key] = left.until
        elif self._is_mine(found):
            self._until.pop(key, None)
        # Else another plan has it, or had it and is gone. What this run remembers of it stays, and is over for good.

    def _is_mine(self, row: ClaimRow | None) -> TypeGuard[ClaimRow]:
        return row is not None and row.plan == self._plan

    def _claimed(self, row: ClaimRow | None, number: str, *, goes_on: bool) -> ClaimRow:
        """The row once this plan has the number. Raises `NumberClaimed` where another plan has it.

        It also does where this very plan sent an import of it and the journal does not know (``goes_on``): then the
        journal is an older copy, or a new one after it was lost.
        """
        now = self._now()
        if row is not None and row.until <= now:
            row = None
        # Accounts of one provider share an address: what the other plan made may be what this one moves from there,
        # or what it changes.
        if row is not None and row.plan != self._plan and row.record and row.record == self._known.get(number):
            row = None
        if row is None:
            return ClaimRow(self._plan, self._shown_as, None, now + self._window)
        # A run that was killed leaves its claim behind, and the next one has to go on.
        if row.plan == self._plan and (goes_on or row.record is None):
            return replace(row, shown_as=self._shown_as, until=now + self._window)
        did = f"imported {number} as {row.record} a moment ago" if row.record else f"is importing or changing {number}"
        raise NumberClaimed(
            f"the plan {row.shown_as} {did} at this target, so nothing was written",
            remedy="look at it with `telephony status`; what it made shows at the latest at "
            f"{row.until:%Y-%m-%dT%H:%M:%S} UTC",
        )

    def _renewed(self, row: ClaimRow | None) -> ClaimRow | None:
        return replace(row, until=self._now() + self._window) if self._is_mine(row) else row

    def _key_after(self, entry: Entry) -> tuple[str, str] | None:
        """Account and number of the row that this line of the journal may change; ``None``: it changes none."""
        name = self._names.get(entry.number)
        if name is None:
            return None
        match entry.action, entry.phase:
            case Action.RELEASE, Phase.DONE:
                return self._source, name
            case Action.IMPORT, Phase.FAILED if entry.data.get("error") == "Conflict":
                return None  # perhaps with its own effect, where somebody on the way sent it twice; the list may lag
            case (Action.IMPORT, Phase.INTENT | Phase.DONE | Phase.FAILED):
                return self._target, name
            case (Action.CHECK, Phase.FAILED) | (Action.ROLL_BACK, Phase.DONE):
                return self._target, name
            case action, (Phase.INTENT | Phase.DONE | Phase.FAILED) if action in _CHANGES:
                return self._target, name
            # A changed setting is read by the id of its record, so nothing of it lags once it was read back. A number
            # that was imported may be missing from the list for longer, and stays claimed for the window.
            case Action.READ_BACK, _ if self._kind is PlanKind.SET:
                return self._target, name
        return None

    def _after(self, row: ClaimRow | None, entry: Entry) -> ClaimRow | None:
        """What becomes of that row; ``None``: it is deleted."""
        if row is None or entry.action is Action.RELEASE:  # it may be imported again there, by whichever plan
            return None
        if row.plan != self._plan:
            # A line of this plan says nothing of what another one sent.
            return row
        match entry.action, entry.phase:
            case Action.IMPORT, Phase.INTENT | Phase.DONE:
                return replace(row, record=entry.record or "", until=self._now() + self._window)
            case Action.CHECK, _:  # unless an import was sent: then it is in doubt, whatever failed since
                return None if row.record is None else row
            case action, Phase.INTENT if action in _CHANGES:
                # Another plan must not write over what may still take effect, nor have this written over its own.
                return replace(row, record="", until=self._now() + self._window)
            case action, _ if action in _CHANGES:
                # Answered, so nothing is in doubt; the number stays claimed for the settings that are still to come.
                return replace(row, record=None)
        return None


def plan_key(loaded: LoadedPlan) -> str:
    """What a plan and its target are known by, under whatever name the plan is run."""
    return hashlib.sha256(f"{loaded.checksum} {place_of(loaded.plan.target)}".encode()).hexdigest()[:32]


def place_of(side: Endpoint) -> str:
    """What an end of a plan is known by here: where it was asked, or its provider where the plan does not say."""
    return side.provider if side.base_url is None else same_url(side.base_url)


def same_url(url: str) -> str:
    """A base URL as it is compared: without the port that its scheme has anyway."""
    parts = urlsplit(url.lower())
    # The configuration may name the port or leave it out; both are one account.
    port = None if parts.port == {"http": 80, "https": 443}.get(parts.scheme) else parts.port
    return f"{parts.scheme}://{parts.hostname}{'' if port is None else f':{port}'}{parts.path.rstrip('/')}"
