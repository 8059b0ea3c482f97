"""Emulator and client together, driven at random with faults in between, and compared with a plain model.

After every operation the vendor's state is one that the client's answer allows: what succeeded is there, what failed
changed nothing, and only what is said to be unknown may be either. Never are two records of one number alive.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
from hypothesis import note, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from telephony_core import (
    PUBLISHED,
    AgentRef,
    AsyncTelephony,
    InboundUpdate,
    NumberImport,
    NumberStatus,
    OutboundUpdate,
    OutcomeUnknown,
    PartialOutcome,
    PhoneNumber,
    ReconciliationOutcome,
    SideEffect,
    SipAddress,
    Telephony,
)
from telephony_core.domain.lifecycle import Origin
from telephony_core.emulator import Emulator, EmulatorBackend, Fault, FaultKind, HttpRequest
from telephony_core.errors import AnswerLost, NoAnswer, NotFound, TelephonyError
from telephony_core.provider.capabilities import Field, Operation
from telephony_core.provider.flow import Response
from telephony_core.testing import virtual_clock
from telephony_core.testing.contract.driver import Driver
from tests.reliability.figures import figures
from tests.reliability.hostile.fuzzing import chosen, drawn_seed
from tests.reliability.models.plain_model import Model, of_vendor
from tests.vendors import ACTIVE, RELEASED, SCHEDULED, SHIPPED, VENDORS, Line, add, address_at, spec_of

ALL = frozenset(SideEffect)
STATUSES = {NumberStatus.ACTIVE: ACTIVE, NumberStatus.RELEASE_SCHEDULED: SCHEDULED, NumberStatus.RELEASED: RELEASED}
LABELS = st.sampled_from(["Front desk", "보안", "x" * 50])
ADDRESSES = st.sampled_from(["pbx.example.com:5060", "203.0.113.7", "trunk.example.com"])
AGENTS = st.sampled_from(["reception", "sales"])
DIRECTIONS = st.sampled_from(["inbound", "outbound"])
PICK = st.integers(min_value=0, max_value=10**6)
GATEWAY = Response(502, {"content-type": "text/html"}, b"<html>Bad gateway</html>")
KINDS = (
    *(FaultKind.REFUSED, FaultKind.LOST_BEFORE, FaultKind.LOST_AFTER, FaultKind.ANSWER, FaultKind.ANSWER_AFTER),
    FaultKind.LATE,
)


@dataclass(frozen=True)
class Trouble:
    """What goes wrong during one operation: with its writes or with its reads, from the ``skip``-th on, so often."""

    kind: FaultKind
    writes: bool
    times: int
    skip: int


FAULTS = st.builds(Trouble, st.sampled_from(KINDS), st.booleans(), st.integers(1, 4), st.integers(0, 3))
TROUBLE = st.one_of(st.just(()), st.tuples(FAULTS), st.tuples(FAULTS, FAULTS))
RIVALS = st.sampled_from([None, None, None, "stranger", "twin"])
"""Somebody else imports the same number a moment earlier: with other settings, or with the same as far as one sees."""


class Crowded(EmulatorBackend):
    """The emulator, and somebody else who may be quicker: an import is lost, and a record of the number is there."""

    def __init__(self, emulator: Emulator) -> None:
        super().__init__(emulator)
        self.somebody_else: Callable[[], None] | None = None
        self.create = "/".join(VENDORS[emulator.slug].create)

    def send(self, request: HttpRequest, timeout: float) -> Response:
        if self.somebody_else is not None and request.method == "POST" and request.url.endswith(self.create):
            act, self.somebody_else = self.somebody_else, None
            act()
            raise NoAnswer("lost, and somebody else was quicker")
        return super().send(request, timeout)

    async def asend(self, request: HttpRequest, timeout: float) -> Response:
        return self.send(request, timeout)


class Account(RuleBasedStateMachine):
    """One account at one vendor. A subclass names the vendor and its numbers."""

    vendor: ClassVar[str]
    numbers: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 11, 21, 12, tzinfo=UTC)
        self.doubt: str | None = None
        """The id or number that a request in the air is about; it is left alone until that has arrived."""
        self.late: Callable[[Model], None] | None = None
        """What that request will do."""
        self.runner = asyncio.Runner()

    def teardown(self) -> None:
        if hasattr(self, "client"):
            self.client.close()
        self.runner.close()

    @initialize(mode=st.sampled_from(["sync", "async"]), bought=st.integers(min_value=1, max_value=2))
    def begin(self, mode: str, bought: int) -> None:
        self.capabilities = spec_of(self.vendor).capabilities
        self.emulator = VENDORS[self.vendor].emulator(twice=True, now=lambda: self.now)
        self.backend = Crowded(self.emulator)
        for number in self.numbers[: bought if VENDORS[self.vendor].sold else 0]:
            self._add(number, imported=False)
        self.model = of_vendor(self.emulator)
        kind = Telephony if mode == "sync" else AsyncTelephony
        given = {"api_key": self.emulator.api_key, "backend": self.backend, "clock": virtual_clock()}
        self.client = Driver(kind(self.vendor, **given), self.runner)

    def _add(self, number: str, *, imported: bool, like: Line | None = None) -> str:
        """A record that was made elsewhere: with an address nobody here uses, or like one that can be read."""
        bare = Line(number, imported)
        if not imported:
            return add(self.emulator, bare)
        seen = like if like and self.shows(Field.USERNAME) else None
        theirs = {"username": seen.username if seen else "them", "password": "their password"}
        like = like or replace(bare, address="elsewhere.example.com")
        return add(self.emulator, replace(like, **theirs))

    def shows(self, name: Field) -> bool:
        support = self.capabilities.fields.get(name)
        return support is not None and support.readable

    # -- trying, and judging what came of it

    def attempt(
        self,
        what: str,
        about: str,
        act: Callable[[], object],
        change: Callable[[Model], None],
        trouble: Sequence[Trouble] = (),
    ) -> object | TelephonyError:
        """Run an operation. ``change`` does to a model what it should do to the vendor."""
        figures.count(7, f"steps of the {self.vendor} machine")
        before, after = copy.deepcopy(self.model), copy.deepcopy(self.model)
        change(after)
        self.spoil(trouble)
        result: object
        try:
            result = act()
        except TelephonyError as error:
            result = error
        self.calm()
        truth = of_vendor(self.emulator)
        note(f"{what}: {result!r}")
        assert type(result) is not AnswerLost, "this is said to flows, and to nobody else"
        if isinstance(result, OutcomeUnknown):
            assert truth in (before, after), "an unknown outcome is one of two"
            if self.emulator._late and self.doubt is None:
                self.doubt, self.late = about, change
            else:
                self._settled(result, truth, before, after)
        elif isinstance(result, PartialOutcome):
            assert truth == after, "what is done is there, and what is missing nobody can read"
            assert result.number is not None
            assert result.number.id in truth.lines
        elif isinstance(result, TelephonyError):
            assert truth == before, f"{what} was said to have failed, and did something"
        else:
            assert truth == after, f"{what} was said to have succeeded"
        self.model = truth
        return result

    def _settled(self, error: OutcomeUnknown, truth: Model, before: Model, after: Model) -> None:
        if error.attempt is None or before == after:
            return
        outcome = self.client.reconcile(error).outcome
        if outcome is ReconciliationOutcome.MADE:
            assert truth == after
        if outcome is ReconciliationOutcome.NOT_SEEN:
            assert truth == before

    def calm(self) -> None:
        """No fault is left over, and everything new can be seen."""
        self.emulator.faults.clear()
        self.emulator.hide_new_for = 0
        self.backend.somebody_else = None
        while not all(self.emulator.is_visible(key) for key in self.emulator.store):
            self.client.list_numbers(first=1)

    def choose(self, pick: int, wanted: Callable[[Line], bool]) -> str | None:
        """The id of one of the lines that fit and are not in doubt."""
        fitting = [
            id
            for id, line in sorted(self.model.lines.items(), key=lambda item: (repr(item[1]), item[0]))
            if wanted(line) and self.doubt not in (id, line.number)
        ]
        return fitting[pick % len(fitting)] if fitting else None

    # -- what goes wrong

    def spoil(self, trouble: Sequence[Trouble]) -> None:
        for each in trouble:
            times, skip, methods = each.times, each.skip, ("POST", "PATCH", "DELETE") if each.writes else ("GET",)
            if each.kind is FaultKind.LATE:
                # A setting that arrives late may undo a newer one: nothing a client could prevent. Of what must not be
                # repeated only one request is late at a time, so that it is known what is in the air.
                if not each.writes or self.doubt is not None:
                    continue
                times, methods = 1, ("POST", "DELETE")
            response = GATEWAY if each.kind is FaultKind.ANSWER_AFTER else Response(503, {}, b"")
            skip = 0 if each.writes else skip
            for method in methods:
                self.emulator.faults.append(Fault(each.kind, method=method, times=times, skip=skip, response=response))

    @rule(requests=st.integers(min_value=1, max_value=6))
    def hide_new_records(self, requests: int) -> None:
        self.emulator.hide_new_for = requests

    @precondition(lambda self: self.doubt is not None)
    @rule()
    def the_late_request_arrives(self) -> None:
        expected = copy.deepcopy(self.model)
        assert self.late is not None
        self.late(expected)
        self.emulator.act_late()
        truth = of_vendor(self.emulator)
        assert truth in (self.model, expected)
        self.model, self.doubt, self.late = truth, None, None

    @precondition(lambda self: any(line.status == SCHEDULED for line in self.model.lines.values()))
    @rule()
    def a_period_ends(self) -> None:
        self.now += timedelta(days=31)
        self.calm()
        self.client.list_numbers()  # the vendor notices when it is asked
        self.model.end_periods()
        assert of_vendor(self.emulator) == self.model

    # -- what an application does

    @rule(pick=PICK, label=LABELS, address=ADDRESSES, agent=st.none() | AGENTS, rival=RIVALS, trouble=TROUBLE)
    def import_number(
        self, pick: int, label: str, address: str, agent: str | None, rival: str | None, trouble: Sequence[Trouble]
    ) -> None:
        free = [number for number in self.numbers if not self.model.live(number)]
        choice = free if free and pick % 4 else self.numbers  # now and then one that is here already
        number = choice[pick % len(choice)]
        if self.doubt == number:
            return
        figures.count(7, f"steps of the {self.vendor} machine")
        bare = Line(number, True, ACTIVE, label, address, "acme", "s3cret")
        theirs: list[str] = []
        if rival is not None:
            like = bare if rival == "twin" else None
            self.backend.somebody_else = lambda: theirs.append(self._add(number, imported=True, like=like))
        before = copy.deepcopy(self.model)
        self.spoil(trouble)
        trunk = OutboundUpdate(address=address_at(self.vendor, address), username="acme", password="s3cret")
        wish = NumberImport(
            number=number,
            label=label,
            inbound=InboundUpdate(allow_any=True),
            outbound=trunk,
            inbound_agent=self.ref(agent) if agent else None,
        )
        result: object
        try:
            result = self.client.import_number(wish)
        except TelephonyError as error:
            result = error
        self.calm()
        truth = of_vendor(self.emulator)
        note(f"import {number} with {agent}, rival {rival}: {result!r}")
        self._judge_import(result, truth, before, bare, agent, rival if theirs else None)
        if isinstance(result, OutcomeUnknown) and self.emulator._late and self.doubt is None:
            self.doubt, self.late = number, lambda model: model.lines.__setitem__("new", bare)
        self.model = truth

    def _judge_import(
        self, result: object, truth: Model, before: Model, bare: Line, agent: str | None, rival: str | None
    ) -> None:
        new = [id for id in truth.lines if id not in before.lines]
        made = [truth.lines[id] for id in new]
        ours = (bare, replace(bare, inbound=agent))
        assert {id: truth.lines[id] for id in before.lines} == before.lines, "others are untouched"
        if rival == "stranger":
            assert isinstance(result, OutcomeUnknown), "nobody can tell whose record it is"
            assert [line.address for line in made] == ["elsewhere.example.com"], "somebody else's record was touched"
            return
        assert type(result) is not AnswerLost, "this is said to flows, and to nobody else"
        if isinstance(result, PhoneNumber):
            assert not before.live(bare.number), "a number that is here is not imported again"
            assert made == [ours[1]]
            assert [result.id] == new
        elif isinstance(result, PartialOutcome):
            assert result.number is not None
            assert [result.number.id] == new
            assert rival is not None or made[0] in ours
        elif isinstance(result, OutcomeUnknown):
            assert len(new) <= 1
            assert rival is not None or all(line in ours for line in made)
        else:
            assert isinstance(result, TelephonyError)
            assert new == [], "it was said to have failed, and did something"

    def ref(self, agent: str) -> AgentRef:
        return AgentRef(self.emulator.agents[agent], version=PUBLISHED)

    @rule(pick=PICK, label=LABELS, trouble=TROUBLE)
    def label(self, pick: int, label: str, trouble: Sequence[Trouble]) -> None:
        origins = self.capabilities.operations[Operation.UPDATE_LABEL].origins
        id = self.choose(pick, lambda line: line.is_live and (line.imported or Origin.PURCHASED in origins))
        if id is not None:
            self.attempt(
                f"label {id}",
                id,
                lambda: self.client.update_label(id, label),
                lambda m: m.change(id, label=label),
                trouble,
            )

    @rule(pick=PICK, address=ADDRESSES, password=st.sampled_from(["one", "two"]), trouble=TROUBLE)
    def change_trunk(self, pick: int, address: str, password: str, trouble: Sequence[Trouble]) -> None:
        id = self.choose(pick, lambda line: line.is_live and line.imported)
        if id is not None:
            trunk = OutboundUpdate(address=address_at(self.vendor, address), username="other", password=password)
            self.attempt(
                f"trunk of {id}",
                id,
                lambda: self.client.update_sip(id, outbound=trunk),
                lambda m: m.change(id, address=address, username="other", password=password),
                trouble,
            )

    @rule(pick=PICK, agent=AGENTS, direction=DIRECTIONS, trouble=TROUBLE)
    def assign(self, pick: int, agent: str, direction: str, trouble: Sequence[Trouble]) -> None:
        direction = direction if f"{direction}_agent" in self.capabilities.fields else "inbound"
        id = self.choose(pick, lambda line: line.is_live)
        if id is not None:
            self.attempt(
                f"{direction} agent of {id}",
                id,
                lambda: self.client.assign_agents(id, **{direction: self.ref(agent)}),
                lambda m: m.change(id, **{direction: agent}),
                trouble,
            )

    @rule(pick=PICK, trouble=TROUBLE)
    def release(self, pick: int, trouble: Sequence[Trouble]) -> None:
        id = self.choose(pick, lambda line: line.status == ACTIVE)
        if id is not None:
            self.attempt(
                f"release {id}", id, lambda: self.client.release(id, allow=ALL), lambda m: m.release(id), trouble
            )

    @precondition(lambda self: Operation.REVOKE_RELEASE in self.capabilities.operations)
    @rule(pick=PICK, trouble=TROUBLE)
    def revoke(self, pick: int, trouble: Sequence[Trouble]) -> None:
        id = self.choose(pick, lambda line: line.status == SCHEDULED)
        if id is not None:
            self.attempt(
                f"revoke {id}",
                id,
                lambda: self.client.revoke_release(id),
                lambda m: m.change(id, status=ACTIVE),
                trouble,
            )

    @rule(pick=PICK)
    def write_to_a_record_that_is_over(self, pick: int) -> None:
        id = self.choose(pick, lambda line: not line.is_live)
        if id is not None:
            result = self.attempt(f"label {id}", id, lambda: self.client.update_label(id, "x"), lambda _: None)
            assert isinstance(result, TelephonyError)

    # -- what it sees

    @rule()
    def listing(self) -> None:
        """Everything, in every status, whatever a single failed request does in between."""
        self.calm()
        self.emulator.faults.append(Fault(FaultKind.LOST_BEFORE, method="GET", skip=1))
        seen = self.client.list_numbers()

        def where(line: Line) -> SipAddress | None:
            return SipAddress.parse(address_at(self.vendor, line.address)) if line.address else None

        assert len({number.id for number in seen}) == len(seen)
        assert {number.id: self._seen(number) for number in seen} == {
            id: (line.number, line.imported, line.status, line.label, where(line), line.inbound, line.outbound)
            for id, line in self.model.lines.items()
        }
        self.calm()

    def _seen(self, number: PhoneNumber) -> tuple[object, ...]:
        names = {id: name for name, id in self.emulator.agents.items()}
        address = number.sip.outbound.address if number.sip is not None else None
        return (
            number.identity.e164,
            number.origin == "imported",
            STATUSES[number.status],
            number.label,
            address,
            names[number.inbound_agent.agent_id] if number.inbound_agent else None,
            names[number.outbound_agent.agent_id] if number.outbound_agent else None,
        )

    @rule(pick=PICK)
    def find(self, pick: int) -> None:
        self.calm()
        number = self.numbers[pick % len(self.numbers)]
        held = [id for id, line in self.model.lines.items() if line.number == number]
        wanted = self.model.live(number) or held
        try:
            found = self.client.find_number(number)
        except NotFound:
            assert not wanted
        except TelephonyError:
            assert len(wanted) > 1, "several records, all of them over"
        else:
            assert wanted == [found.id]

    @invariant()
    def no_number_has_two_live_records(self) -> None:
        if hasattr(self, "emulator"):
            truth = of_vendor(self.emulator)
            for number in self.numbers:
                assert len(truth.live(number)) <= 1, f"{number} is alive twice"


class AtDiga(Account):
    @rule(agent=AGENTS, pick=PICK, trouble=TROUBLE)
    def publish_again(self, agent: str, pick: int, trouble: Sequence[Trouble]) -> None:
        """Assigning a version by its id puts it on the air, after the release of a number took it off."""
        id = self.choose(pick, lambda line: line.is_live)
        if id is None:
            return
        version = self.emulator.versions(self.emulator.agents[agent])[0].version_id
        ref = AgentRef(self.emulator.agents[agent], version=version)

        def change(model: Model) -> None:
            model.published |= {agent}
            model.change(id, inbound=agent)

        self.attempt(
            f"publish {agent} on {id}",
            id,
            lambda: self.client.assign_agents(id, inbound=ref, allow=ALL),
            change,
            trouble,
        )


def at(vendor: str) -> type[Account]:
    kind = AtDiga if vendor == "diga" else Account
    return type(f"At{vendor.title()}", (kind,), {"vendor": vendor, "numbers": VENDORS[vendor].own})


MACHINES = {vendor: at(vendor) for vendor in SHIPPED}
FEW = 60
AT_ONCE = 1_000
"""Runs from one seed; see `fuzzing.AT_ONCE`."""
RUNS = [pytest.param(FEW, 30, id="few"), pytest.param(10_000, 50, id="many", marks=pytest.mark.long)]


@pytest.mark.parametrize(("runs", "steps"), RUNS)
@pytest.mark.parametrize("vendor", MACHINES)
def test_whatever_happens_the_client_says_what_is_so(vendor: str, runs: int, steps: int) -> None:
    machine = MACHINES[vendor]
    if runs == FEW:
        run_state_machine_as_test(machine, settings=settings(chosen(runs, few=FEW), stateful_step_count=steps))
        return
    first = drawn_seed(f"the {vendor} machine")
    for part in range(runs // AT_ONCE):
        again = seed(first + part)(type(machine.__name__, (machine,), {}))
        run_state_machine_as_test(again, settings=settings(chosen(AT_ONCE, few=FEW), stateful_step_count=steps))
