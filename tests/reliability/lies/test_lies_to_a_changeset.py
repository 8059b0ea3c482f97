"""What a change of many numbers does when an answer is about something else, is lost, or comes late.

Every case looks at what is true at the vendor afterwards: nothing of others is written, each setting is as it was or as
it was wanted, and what is said to be changed is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from telephony_core import PUBLISHED, AgentRef, AsyncTelephony, OutboundUpdate, Telephony, TelephonyError
from telephony_core.emulator import Record
from telephony_core.migration import (
    Allowance,
    ApplyOptions,
    Settings,
    SettingsUpdate,
    aapply_plan,
    plan_imports,
    plan_settings,
    read_table,
    save_plan,
    survey,
)
from telephony_core.migration.plan.model import Plan
from telephony_core.provider.capabilities import Field
from tests.reliability.lies.lying_backend import Acts, Lie, LyingBackend, Sort, What
from tests.reliability.lies.strangers import add_somebodys
from tests.reliability.lies.vendors import state_of
from tests.reliability.lies.witness import settings_of
from tests.reliability.models.simulated_time import SharedTime
from tests.vendors import SHIPPED, VENDORS, Line, add, address_at, number_of, spec_of

NUMBERS = ("+827011110000", "+827011110001")
STRANGERS = "+827099990000"
PASSWORD = "pa55word-canary"
KINDS = ("set", "trunk", "import")
"""``numbers set`` with a label, an agent and a trunk, ``sip set`` with a trunk alone, and a table."""
LATE = 300.0
SETTINGS = Settings(timeout=20.0, concurrency=1, canary=0, equal_failures=99)
READING = [(what, Sort.READ, Acts.AT_ONCE) for what in What if what is not What.TRUTH]
LISTING = [(what, Sort.LIST, Acts.AT_ONCE) for what in (What.ANOTHER, What.NOT_FOUND, What.BROKEN, What.SILENCE)]
WRITING = [
    (what, sort, acts)
    for sort in (Sort.CHANGE, Sort.CREATE)
    for what in What
    for acts in Acts
    if what is not What.TRUTH and (what, sort) != (What.NOT_FOUND, Sort.CREATE)
]


class Changing:
    """Two numbers of an account that is changed, and a stranger's."""

    def __init__(self, folder: Path, kind: str, slug: str) -> None:
        self.folder, self.kind, self.slug = folder, kind, slug
        self.acts_in_part = False
        self.time = SharedTime()
        self.emulator = VENDORS[slug].emulator(now=self.time.clock.now, api_key="emulator-key", twice=True)
        trunk = {"address": address_at(slug, "old.example.com:5060"), "username": "old", "password": "old password"}
        if kind != "import":
            for number in NUMBERS:
                add(self.emulator, Line(number, label="Old", allowed=("203.0.113.7",), inbound="reception", **trunk))
        self.liar = LyingBackend("target", self.emulator, self.time)
        self.liar.before_each = self.liar.act_late
        self.strangers = add_somebodys(self.liar, STRANGERS)
        (folder / "secret").write_text(PASSWORD)
        with Telephony(slug, api_key="emulator-key", backend=self.emulator.backend(), clock=self.time.clock) as client:
            account = survey(client, clock=self.time.clock)
            plan = self._imports(account) if kind == "import" else self._settings(account)
        self.loaded = save_plan(plan, folder / "plan.json")
        self.before = state_of(self.emulator)

    def _settings(self, account: Any) -> Plan:
        trunk = SettingsUpdate(
            outbound=OutboundUpdate(address=address_at(self.slug, "new.example.com:5060")),
            username="acme",
            password=f"file:{self.folder / 'secret'}",
        )
        agent = AgentRef(self.emulator.agents["sales"], version=PUBLISHED)
        update = trunk if self.kind == "trunk" else replace(trunk, label="New", inbound_agent=agent)
        allow = [str(each) for each in Allowance]
        return plan_settings(account, update, numbers=NUMBERS, allow=allow, settings=SETTINGS, clock=self.time.clock)

    def _imports(self, account: Any) -> Plan:
        listed = Field.ALLOWED_ADDRESSES in spec_of(self.slug).capabilities.fields
        rest = (
            address_at(self.slug, "new.example.com:5060"),
            "acme",
            f"file:{self.folder / 'secret'}",
            "203.0.113.7" if listed else "",
            self.emulator.agents["sales"],
            "published",
        )
        rows = [",".join((number, "New", *rest)) for number in NUMBERS]
        head = "number,label,address,username,password,allowed_addresses,inbound_agent,inbound_agent_version"
        table = self.folder / "numbers.csv"
        table.write_text("\n".join((head, *rows)))
        allow = [str(each) for each in Allowance if each is not Allowance.ANY_CALLER]
        return plan_imports(account, read_table(table), allow=allow, settings=SETTINGS, clock=self.time.clock)

    def _open(self) -> AsyncTelephony:
        return AsyncTelephony(self.slug, api_key="emulator-key", backend=self.liar, clock=self.time.clock)

    def apply(self) -> bool:
        """Whether it says that all is done; where not, it has to say of which number, or why it did not begin."""
        os.environ["XDG_STATE_HOME"] = str(self.folder / "state")
        try:
            report = self.time.run(aapply_plan(self.loaded, None, self._open, ApplyOptions(clock=self.time.clock)))
        except TelephonyError as error:
            if not error.remedy:
                raise
            return False
        assert report.is_complete or any(number in str(report) for number in NUMBERS), str(report)
        return report.is_complete

    def close(self) -> None:
        self.time.close()

    def of(self, number: str) -> list[Record]:
        """The true records of a number."""
        return [settings_of(each) for each in state_of(self.emulator).values() if number_of(self.slug, each) == number]

    def judge(self) -> None:
        """What has to be true whatever was said; of what a vendor did in part only that nothing else was touched."""
        assert state_of(self.emulator)[self.strangers] == self.before[self.strangers]
        assert len(state_of(self.emulator)) <= len(self.before) + (self.kind == "import") * len(NUMBERS)
        for number in () if self.acts_in_part else NUMBERS:
            for record in self.of(number):
                for name, value in record.items():
                    assert value in self.possible(number, name), f"{name} of {number}"

    def possible(self, number: str, name: str) -> list[object]:
        """What a setting may be: as it was, as it was wanted, and of a record that is made what it has at first."""
        first = [None, [], ""] if self.kind == "import" else []
        before = [settings_of(each)[name] for each in self.before.values() if number_of(self.slug, each) == number]
        return [*before, *(record[name] for record in wanted(self.kind, self.slug)[number]), *first]

    def is_as_wanted(self) -> bool:
        return all(self.of(number) == wanted(self.kind, self.slug)[number] for number in NUMBERS)


@cache
def wanted(kind: str, slug: str) -> dict[str, list[Record]]:
    """What the numbers look like after a run in which nobody lies."""
    with TemporaryDirectory() as folder, closing(Changing(Path(folder), kind, slug)) as honest:
        assert honest.apply()
        return {number: honest.of(number) for number in NUMBERS}


def cases() -> Iterator[object]:
    """Every lie to every kind of plan, told by the vendors in turn; in the long run by each, and again and again."""
    for at, (kind, lie) in enumerate((kind, lie) for kind in KINDS for lie in (*READING, *LISTING, *WRITING)):
        for slug in SHIPPED:
            for times in (1, 99):
                marks = () if times == 1 and slug == SHIPPED[at % len(SHIPPED)] else (pytest.mark.long,)
                yield pytest.param(kind, slug, *lie, times, marks=marks, id=f"{kind} {slug} {' '.join(lie)} {times}")


@pytest.mark.parametrize(("kind", "slug", "what", "on", "acts", "times"), list(cases()))
def test_whatever_is_answered_only_what_was_planned_is_written_and_only_what_is_true_is_said(
    kind: str, slug: str, what: What, on: Sort, acts: Acts, times: int, tmp_path: Path
) -> None:
    with closing(Changing(tmp_path, kind, slug)) as changing:
        changing.liar.lies = [Lie(what, on, acts, times=times, late=LATE)]
        says_what_is_true(changing)


def says_what_is_true(changing: Changing) -> None:
    """Applied while it is lied to, and once more when nobody lies any longer."""
    is_complete = changing.apply()
    changing.judge()
    changing.liar.lies, changing.liar.lag = [], 0.0
    changing.time.advance(2 * LATE)
    changing.liar.act_late()
    changing.judge()
    assert changing.is_as_wanted() or not is_complete
    is_complete = changing.apply()
    changing.judge()
    assert changing.is_as_wanted() or not is_complete


IN_PART = [(what, sort) for what in (What.TRUTH, What.BROKEN, What.SILENCE) for sort in (Sort.CHANGE, Sort.CREATE)]


def partial_cases() -> Iterator[object]:
    """Writes of which a part takes effect, by the vendors in turn; in the long run by each."""
    for at, (kind, told) in enumerate((kind, told) for kind in KINDS for told in IN_PART):
        for slug in SHIPPED:
            marks = () if slug == SHIPPED[at % len(SHIPPED)] else (pytest.mark.long,)
            yield pytest.param(kind, slug, *told, marks=marks, id=f"{kind} {slug} {' '.join(told)}")


@pytest.mark.parametrize(("kind", "slug", "what", "on"), list(partial_cases()))
def test_a_write_that_took_effect_in_part_is_never_said_to_be_done(
    kind: str, slug: str, what: What, on: Sort, tmp_path: Path
) -> None:
    with closing(Changing(tmp_path, kind, slug)) as changing:
        changing.acts_in_part = True
        changing.liar.lies = [Lie(what, on, in_part=True)]
        says_what_is_true(changing)


@pytest.mark.parametrize("lag", [1.0, LATE])
@pytest.mark.parametrize("slug", SHIPPED)
@pytest.mark.parametrize("kind", KINDS)
def test_a_list_that_lags_behind_is_believed_for_nothing(kind: str, slug: str, lag: float, tmp_path: Path) -> None:
    with closing(Changing(tmp_path, kind, slug)) as changing:
        changing.liar.lag = lag
        changing.liar.lies = [Lie(What.SILENCE, Sort.CREATE if kind == "import" else Sort.CHANGE)]
        says_what_is_true(changing)
