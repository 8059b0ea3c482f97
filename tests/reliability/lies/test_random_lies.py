"""Emulators that lie, driven through everything that writes, in any order, with strangers at work in between.

Whatever is answered, three things hold after every step, by the vendors' true state: nothing of others is written, no
number is twice live by our doing, and nothing is given up unless the other end serves it. And what is said is so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import ClassVar

import pytest
from hypothesis import Phase, note, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from telephony_core import OutcomeUnknown, PhoneNumber, TelephonyError
from telephony_core.domain.lifecycle import NumberStatus, Release
from telephony_core.migration import ApplyReport, DeprovisionPreview, DeprovisionReport, VerifyReport
from tests.reliability.figures import figures
from tests.reliability.hostile.fuzzing import chosen, drawn_seed
from tests.reliability.lies.account import MODES, Account, Mode, account_of
from tests.reliability.lies.lying_backend import LyingBackend, Sort, What
from tests.reliability.lies.migration import DIRECTIONS, FRESH, SOAK, UNSERVED, Migration, migration_of
from tests.reliability.lies.plots import (
    APPLYING,
    CHANGING,
    COMMANDS,
    CREATING,
    DEEDS,
    ENDING,
    LISTING,
    MEDDLING,
    PICK,
    READING,
    Meddling,
    Plot,
    Trouble,
    some,
)
from tests.reliability.lies.strangers import Deed, can_do
from tests.reliability.lies.vendors import is_active, is_live, state_of
from tests.reliability.lies.witness import settings_of
from tests.vendors import VENDORS

PASSING = st.sampled_from([0.0, 1.0, 61.0, 400.0, SOAK + 60])
LAGS = st.sampled_from([0.0, 0.0, 5.0, 60.0])

# -- single calls


class LiedToClient(RuleBasedStateMachine):
    """One account, and the operations of a client. A subclass names the vendor."""

    vendor: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.open = ExitStack()

    def teardown(self) -> None:
        self.open.close()

    @initialize(mode=st.sampled_from(MODES))
    def begin(self, mode: Mode) -> None:
        self.account: Account = self.open.enter_context(account_of(self.vendor, mode))
        self.known: dict[str, PhoneNumber] = {}
        """What was read, however long ago."""
        self.open_import = False
        """Whether one was sent of which nobody knows what became: its caller does not send it again."""
        self.made_at: float | None = None
        """When the last one was made: its caller knows, and does not make another one before it shows."""

    def tried(self, what: str, run: Callable[[], object], lies: Sequence[Plot]) -> object:
        figures.count(7, f"steps of the client that {self.vendor} lies to")
        self.account.liar.lies = [plot.lie() for plot in lies]
        result: object
        try:
            result = run()
        except TelephonyError as error:
            result = error
        self.account.liar.lies = []
        note(f"{what}: {result!r}")
        return result

    def about(self, pick: int, *, by_record: bool) -> PhoneNumber | str | None:
        """One of the records that a caller has to do with: as it was read once, or its id."""
        if by_record:
            return self.known[sorted(self.known)[pick % len(self.known)]] if self.known else None
        mine = sorted({self.account.own, *(id for _, id in self.account.witness.once_ours)})
        return mine[pick % len(mine)]

    # -- what an application does

    @rule(pick=PICK, lies=some(READING))
    def read(self, pick: int, lies: Sequence[Plot]) -> None:
        id = self.about(pick, by_record=False)
        assert isinstance(id, str)
        result = self.tried(f"read {id}", lambda: self.account.read(id), lies)
        if isinstance(result, PhoneNumber):
            self.account.witness.holds(result.id == id, "a read gave another record")
            if not any(plot.what is What.OTHER_NUMBER for plot in lies):
                self.known[id] = result

    @rule(pick=PICK, by_record=st.booleans(), which=PICK, lies=some(READING, CHANGING, LISTING))
    def change(self, pick: int, by_record: bool, which: int, lies: Sequence[Plot]) -> None:
        number = self.about(pick, by_record=by_record)
        if number is None:
            return
        operation = self.account.operations[which % len(self.account.operations)]
        result = self.tried(f"{operation} {number}", lambda: self.account.change(operation, number, which), lies)
        if isinstance(result, PhoneNumber):
            id = number if isinstance(number, str) else number.id
            self.account.witness.holds(result.id == id, f"{operation} gave another record")
            self.account.witness.holds(
                isinstance(number, str) or result.identity == number.identity, f"{operation} gave another number"
            )
            shown = self.account.liar.in_the_air or self.account.shows(operation, id, which)
            self.account.witness.holds(shown, f"{operation} is said to be done")

    @rule(agent=st.booleans(), lies=some(READING, CREATING, CHANGING, LISTING))
    def bring(self, agent: bool, lies: Sequence[Plot]) -> None:
        account = self.account
        if self.open_import or (self.made_at is not None and account.time.passed - self.made_at <= account.liar.lag):
            return
        witness = account.witness
        before, had = set(witness.once_ours), set(witness.ours)
        result = self.tried("import", lambda: account.bring(agent=agent), lies)
        self.open_import = isinstance(result, OutcomeUnknown)
        self.made_at = account.time.passed if witness.ours - had else self.made_at
        if isinstance(result, PhoneNumber):
            witness.holds(result.identity.e164 == account.new, "an import gave another number")
            # The same id as before, where the number is the id.
            witness.holds(("account", result.id) in witness.ours - had, "an import gave somebody's record")
        elif not isinstance(result, OutcomeUnknown) and not hasattr(result, "number"):
            self.account.witness.holds(
                account.witness.once_ours == before, "an import is said to have failed, and made a record"
            )

    @rule(pick=PICK, by_record=st.booleans(), lies=some(READING, ENDING, LISTING))
    def release(self, pick: int, by_record: bool, lies: Sequence[Plot]) -> None:
        number = self.about(pick, by_record=by_record)
        if number is None:
            return
        id = number if isinstance(number, str) else number.id
        result = self.tried(f"release {number}", lambda: self.account.release(number), lies)
        if isinstance(result, Release):
            self.account.witness.holds(result.id == id, "a release gave another record")
            record = self.account.state.get(id)
            gone = record is None or not is_live(self.vendor, record)
            # A record that does not show yet and cannot be read looks as if it were gone.
            gone = gone or bool(self.account.liar.lag and not_found(lies))
            self.account.witness.holds(
                gone or result.status is not NumberStatus.RELEASED, "a release is said to be done"
            )

    # -- what happens besides

    @rule(deed=DEEDS, pick=PICK)
    def somebody_is_at_work(self, deed: Deed, pick: int) -> None:
        account = self.account
        records = [id for id, record in account.state.items() if is_live(self.vendor, record) and id != account.theirs]
        if records and can_do(self.vendor, deed):
            account.witness.touch("account", deed, records[pick % len(records)], account.fresh)

    @rule(seconds=st.sampled_from([1.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.account.time.advance(seconds)

    @rule(lag=LAGS)
    def lists_lag(self, lag: float) -> None:
        self.account.liar.lag = lag

    @rule()
    def what_is_late_arrives(self) -> None:
        self.account.witness.settle_down()
        self.account.time.advance(self.account.liar.lag + 1.0)
        self.open_import = False

    @invariant()
    def nothing_is_wrong(self) -> None:
        if hasattr(self, "account"):
            assert self.account.witness.wrong == []


# -- a migration


class LiedToMigration(RuleBasedStateMachine):
    """Two numbers on their way, and the commands in any order. A subclass names the direction."""

    context: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.open = ExitStack()

    def teardown(self) -> None:
        self.open.close()

    @initialize(trouble=APPLYING, soaked=st.booleans(), lag=LAGS)
    def begin(self, trouble: Trouble, soaked: bool, lag: float) -> None:
        self.migration: Migration = self.open.enter_context(migration_of(self.context))
        self.touched = False
        """Whether a stranger did anything: then what a report says is not compared any more."""
        self.taken_back = False
        """Whether a rollback was tried: what was moved once may be on its way out."""
        if soaked:
            self.migration.soaked()
        self.migration.target.lag = lag
        if not soaked:
            self.apply(trouble)

    def tried(self, what: str, run: Callable[[float | None], object], trouble: Trouble) -> object:
        figures.count(7, f"steps of the migration {self.context} that is lied to")
        migration = self.migration
        migration.source.lies = [plot.lie() for plot in trouble.here]
        migration.target.lies = [plot.lie() for plot in trouble.there]
        if (meddling := trouble.meanwhile) is not None:
            migration.witness.meanwhile(meddling.after, lambda: self.meddle(meddling))
        result: object
        try:
            result = run(trouble.ended_after)
        except (TelephonyError, TimeoutError) as error:
            result = error
        migration.source.lies, migration.target.lies = [], []
        migration.witness.nothing_more()
        note(f"{what}: {result!r}")
        return result

    # -- the commands

    @rule(command=COMMANDS, unserved=st.sampled_from([False, False, False, True]))
    def a_command(self, command: tuple[str, Trouble], unserved: bool) -> None:
        # One rule, because hypothesis leaves out whole rules now and then.
        name, trouble = command
        match name:
            case "apply":
                self.apply(trouble)
            case "verify":
                self.verify(trouble)
            case "rollback":
                self.rollback(trouble, unserved)
            case "release":
                self.release(trouble)

    def apply(self, trouble: Trouble) -> None:
        said = self.tried("apply", self.migration.apply, trouble)
        if isinstance(said, ApplyReport) and said.is_complete and not said.rolled_back:
            for number in self.migration.numbers:
                self.is_as_planned(number)

    def verify(self, trouble: Trouble) -> None:
        said = self.tried("verify", lambda _: self.migration.verify(), trouble)
        if isinstance(said, VerifyReport) and not self.migration.target.lag:
            for number in said.numbers:
                if number.is_equal:
                    self.is_as_planned(number.number)

    def rollback(self, trouble: Trouble, unserved: bool) -> None:
        allow = (UNSERVED,) if unserved else ()
        self.taken_back = True
        shown = self.shown(lambda: self.migration.preview_rollback(*allow), trouble)
        run = lambda ended: self.migration.rollback(*allow, shown=shown, ended_after=ended)  # noqa: E731
        said = self.tried("rollback", run, trouble)
        # A record that does not show yet and cannot be read looks as if it were gone.
        if isinstance(said, DeprovisionReport) and not (self.migration.target.lag and not_found(trouble.there)):
            for given_up in said.done:
                there = self.migration.live("target", given_up.number)
                mine = [id for id in there if ("target", id) in self.migration.witness.ours]
                self.migration.witness.holds(self.touched or not mine, f"{given_up.number} is said to be rolled back")

    def release(self, trouble: Trouble) -> None:
        shown = self.shown(self.migration.preview_release, trouble)
        said = self.tried("release", lambda ended: self.migration.release(shown=shown, ended_after=ended), trouble)
        if isinstance(said, DeprovisionReport):
            for given_up in said.done:
                here = self.migration.live("source", given_up.number)
                self.migration.witness.holds(self.touched or not here, f"{given_up.number} is said to be released")

    def shown(self, preview: Callable[[], DeprovisionPreview], trouble: Trouble) -> DeprovisionPreview | None:
        """What a command shows before anybody lies; ``None`` where lies begin with that, or it says nothing."""
        if not trouble.from_the_start:
            try:
                return preview()
            except TelephonyError as error:
                note(f"preview: {error!r}")
        return None

    def is_as_planned(self, number: str) -> None:
        migration, target = self.migration, self.migration.target
        if self.touched or self.taken_back:
            return
        there = list(migration.live("target", number).values())
        self.migration.witness.holds(len(there) == 1, f"{number} is said to be moved, and is live {len(there)} times")
        if len(there) != 1:
            return
        (record,) = there
        self.migration.witness.holds(is_active(target.vendor, record), f"{number} is said to be moved")
        self.migration.witness.holds(
            settings_of(record) == migration.witness.fit[number], f"{number} is said to be as planned"
        )

    # -- what happens besides

    def meddle(self, meddling: Meddling) -> None:
        migration, deed, pick = self.migration, meddling.deed, meddling.pick
        liar = migration.source if meddling.end == "source" else migration.target
        records = self.ours_at(liar)
        if records and can_do(liar.vendor, deed):
            self.touched = True
            number = (FRESH, *migration.numbers)[pick % 3]
            migration.witness.touch(liar.end, deed, records[pick % len(records)], number)

    def ours_at(self, liar: LyingBackend) -> list[str]:
        witness = self.migration.witness
        mine = witness.plan if liar.end == "source" else {id for end, id in witness.ours if end == "target"}
        records = state_of(liar.emulator)
        return sorted(id for id, record in records.items() if id in mine and is_live(liar.vendor, record))

    @rule(
        meddling=MEDDLING, seconds=st.sampled_from([0.0, 1.0, 61.0, 400.0, SOAK + 60]), settles=st.booleans(), lag=LAGS
    )
    def meanwhile(self, meddling: Meddling | None, seconds: float, settles: bool, lag: float) -> None:
        """A stranger is at work, time passes, what is late arrives, and lists lag from now on."""
        if meddling is not None:
            self.meddle(meddling)
        self.migration.time.advance(seconds)
        if settles:
            self.migration.witness.settle_down()
        self.migration.target.lag = lag

    @invariant()
    def nothing_is_wrong(self) -> None:
        if hasattr(self, "migration"):
            assert self.migration.witness.wrong == []


def not_found(lies: Sequence[Plot]) -> bool:
    return any(plot.what is What.NOT_FOUND and plot.on is Sort.READ for plot in lies)


# -- how often

AT_ONCE = 500
"""Runs from one seed; see `fuzzing.AT_ONCE`."""


def drive(machine: type[RuleBasedStateMachine], name: str, runs: int, steps: int) -> None:
    """A few of the same runs every time, of which a failing one is shown as it was drawn; many are made smaller."""
    if runs < AT_ONCE:
        few = settings(chosen(runs), stateful_step_count=steps, phases=[Phase.generate])
        run_state_machine_as_test(machine, settings=few)
        return
    first = drawn_seed(name)
    for part in range(runs // AT_ONCE):
        again = seed(first + part)(type(machine.__name__, (machine,), {}))
        many = settings(chosen(AT_ONCE, few=0), stateful_step_count=steps)
        run_state_machine_as_test(again, settings=many)


@pytest.mark.parametrize(("runs", "steps"), [(25, 15), pytest.param(10_000, 30, marks=pytest.mark.long)])
@pytest.mark.parametrize("vendor", VENDORS)
def test_a_client_that_is_lied_to_touches_nothing_of_others_and_says_what_is_so(
    vendor: str, runs: int, steps: int
) -> None:
    machine = type(f"LiedToBy{vendor.title()}", (LiedToClient,), {"vendor": vendor})
    drive(machine, f"the client that {vendor} lies to", runs, steps)


@pytest.mark.parametrize(("runs", "steps"), [(10, 12), pytest.param(3_000, 25, marks=pytest.mark.long)])
@pytest.mark.parametrize("context", DIRECTIONS)
def test_a_migration_that_is_lied_to_loses_and_doubles_no_number_and_touches_nothing_of_others(
    context: str, runs: int, steps: int
) -> None:
    machine = type(f"LiedTo{context.title().replace('-', '')}", (LiedToMigration,), {"context": context})
    drive(machine, f"the migration {context} that is lied to", runs, steps)
