"""A write whose answer was lost: told as unknown with what was attempted, and found out by `client.settle`."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import pytest

from telephony_core import AsyncTelephony, InboundUpdate, NumberImport, OutboundUpdate, Telephony
from telephony_core.domain.lifecycle import Release
from telephony_core.domain.phone_number import PhoneNumber
from telephony_core.emulator import Fault, FaultKind, HttpRequest, Response
from telephony_core.errors import OutcomeUnknown, PartialOutcome
from telephony_core.operations.reconciliation import Attempt, ReconciliationOutcome
from telephony_core.provider.capabilities import Field, Operation
from telephony_core.testing import RecordingBackend, virtual_clock
from telephony_core.testing.contract.driver import Driver
from telephony_core.transport.clock import Clock
from tests.reliability.faults.cases import (
    ALL,
    CASES,
    HOST,
    NOW,
    PASSWORD,
    REQUESTS,
    Account,
    Case,
    account_at,
    an_import,
)
from tests.reliability.faults.network import MODES, Mode
from tests.reliability.faults.verdict import clean
from tests.reliability.figures import figures
from tests.vendors import SHIPPED, VENDORS, Line, add, address_at, line_of, spec_of

MADE, NOT_SEEN, AMBIGUOUS = ReconciliationOutcome.MADE, ReconciliationOutcome.NOT_SEEN, ReconciliationOutcome.AMBIGUOUS
WRITES = ("POST", "PATCH", "DELETE")

# An import with an agent consists of two writes; each of them has a case of its own.
LOSABLE = [case for case in CASES if any(not step.startswith(("read", "look")) for step in case.steps)]
SINGLE = [case for case in LOSABLE if case.name != "import with an agent"]


@dataclass(frozen=True)
class Scene:
    """A client on an account, and what it sent."""

    account: Account
    backend: RecordingBackend
    client: Driver
    clock: Clock

    @property
    def writes(self) -> list[str]:
        return [request.method for request in self.backend.sent if request.method != "GET"]

    def lose(self, kind: FaultKind, *, times: int = 1, methods: Iterable[str] = WRITES) -> None:
        self.account.emulator.faults[:] = [Fault(kind, method=method, times=times) for method in methods]

    def live(self, number: str) -> list[object]:
        """The vendor's records of a number that are not over."""
        emulator = self.account.emulator
        lines = (line_of(emulator, record) for record in emulator.records())
        return [line for line in lines if line.number == number and line.is_live]


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(params=MODES)
def scene(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Callable[..., Scene]:
    def make(provider: str, **more: bool) -> Scene:
        mode: Mode = request.param
        account = account_at(provider, **more)
        backend = RecordingBackend(account.emulator.backend())
        kind, clock = Telephony if mode == "sync" else AsyncTelephony, virtual_clock(NOW)
        client = kind(provider, api_key=account.emulator.api_key, backend=backend, clock=clock)
        return Scene(account, backend, Driver(client, runner), clock)

    return make


def unknown(case: Case, scene: Scene) -> OutcomeUnknown:
    """The error that the operation has to end with."""
    with pytest.raises(OutcomeUnknown) as caught:
        case.run(scene.client, scene.account)
    return caught.value


ONCE = [case for case in SINGLE if any(step.startswith("once") for step in case.steps)]
AGAIN = [case for case in SINGLE if case not in ONCE]


# -- what the error tells


@pytest.mark.parametrize("case", SINGLE, ids=str)
def test_the_error_says_what_was_attempted_and_how_to_find_out(case: Case, scene: Callable[..., Scene]) -> None:
    on = scene(case.provider)
    on.lose(FaultKind.LOST_BEFORE, times=9)
    error = unknown(case, on)
    assert isinstance(error.attempt, Attempt)
    words = {"import": "import", "update label": "update_label", "assign": "assign_agents", "revoke": "revoke_release"}
    words |= {"update SIP": "update_sip", "release": "release"}
    assert error.attempt.operation == next(word for start, word in words.items() if case.name.startswith(start))
    assert error.attempt.provider == error.provider == case.provider
    assert error.attempt.started_at is not None
    assert error.remedy is not None
    assert error.remedy in str(error)


@pytest.mark.parametrize("case", SINGLE, ids=str)
def test_the_error_survives_a_pickle_and_holds_no_secret(case: Case, scene: Callable[..., Scene]) -> None:
    on = scene(case.provider)
    on.lose(FaultKind.LOST_BEFORE, times=9)
    error = unknown(case, on)
    packed = pickle.dumps(error)
    for secret in (PASSWORD, on.account.emulator.api_key):
        assert secret.encode() not in packed
        assert secret not in repr(error.attempt)
    for again in (pickle.loads(packed), copy.copy(error)):
        assert again.attempt == error.attempt
        assert on.client.reconcile(again).outcome in (NOT_SEEN, AMBIGUOUS)


@pytest.mark.parametrize("case", SINGLE, ids=str)
def test_settling_writes_nothing(case: Case, scene: Callable[..., Scene]) -> None:
    on = scene(case.provider)
    on.lose(FaultKind.LOST_BEFORE, times=9)
    error = unknown(case, on)
    on.account.emulator.faults.clear()
    wrote, state = len(on.writes), on.account.state
    on.client.reconcile(error)
    assert (len(on.writes), on.account.state) == (wrote, state)


# -- what a look finds


@pytest.mark.parametrize("case", SINGLE, ids=str)
def test_late_effect_is_not_seen_at_first_and_made_afterwards(case: Case, scene: Callable[..., Scene]) -> None:
    """The request was given up, and the vendor carries it out later. Nothing is repeated that must not be."""
    on = scene(case.provider, twice=True)
    on.lose(FaultKind.LATE, times=9)
    error = unknown(case, on)
    assert on.account.state == clean(case).states[0]
    assert len(on.writes) == (1 if case in ONCE else 3)
    assert on.client.reconcile(error).outcome is NOT_SEEN

    on.account.emulator.faults.clear()
    on.account.emulator.act_late()
    reconciled = on.client.reconcile(error)
    assert reconciled.outcome is MADE
    assert on.account.state == clean(case).states[-1]
    assert len(on.live(on.account.new)) == (1 if case.name == "import" else 0)
    figures.count(2, "writes settled after a late effect")


@pytest.mark.parametrize("case", SINGLE, ids=str)
def test_a_write_that_never_reached_the_vendor_stays_not_seen(case: Case, scene: Callable[..., Scene]) -> None:
    on = scene(case.provider)
    on.lose(FaultKind.LOST_BEFORE, times=9)
    error = unknown(case, on)
    on.account.emulator.faults.clear()
    assert on.client.reconcile(error).outcome is NOT_SEEN
    assert on.account.state == clean(case).states[0]
    figures.count(2, "writes settled as not seen")


@pytest.mark.parametrize("case", SINGLE, ids=str)
def test_what_happened_while_the_network_was_away_is_found_when_it_is_back(
    case: Case, scene: Callable[..., Scene]
) -> None:
    """The vendor acts, the answer is lost, and so is every look right afterwards."""
    on = scene(case.provider)
    emulator = on.account.emulator
    reads = [step for step in case.steps if step.startswith("read")]
    emulator.faults += [Fault(FaultKind.LOST_AFTER, method=method, times=9) for method in WRITES]
    emulator.faults.append(Fault(FaultKind.REFUSED, method="GET", skip=len(reads), times=99))
    error = unknown(case, on)
    emulator.faults.clear()
    reconciled = on.client.reconcile(error)
    assert reconciled.outcome is MADE
    assert on.account.state == clean(case).states[-1]
    figures.count(2, "writes settled after an outage")


@pytest.mark.parametrize("case", ONCE, ids=str)
def test_a_lost_write_that_happened_is_told_as_done(case: Case, scene: Callable[..., Scene]) -> None:
    on = scene(case.provider, twice=True)
    on.lose(FaultKind.LOST_AFTER)
    result = case.run(on.client, on.account)
    assert isinstance(result, PhoneNumber | Release)
    assert on.account.state == clean(case).states[-1]


@pytest.mark.parametrize("case", AGAIN, ids=str)
@pytest.mark.parametrize("answer", [401, 403, 429, 302, "refused"], ids=str)
def test_a_refusal_to_listen_after_a_lost_answer_is_not_taken_for_failure(
    case: Case, answer: int | str, scene: Callable[..., Scene]
) -> None:
    """The first attempt was carried out and its answer lost; what the second one hears is no word about the first."""
    on = scene(case.provider)
    on.lose(FaultKind.LOST_AFTER, methods=["PATCH"])
    response = Response(answer if isinstance(answer, int) else 0, {"retry-after": "86400", "location": "/x"}, b"")
    refusal = FaultKind.REFUSED if answer == "refused" else FaultKind.ANSWER
    on.account.emulator.faults.append(Fault(refusal, method="PATCH", times=9, response=response))
    error = unknown(case, on)
    assert error.attempt is not None
    on.account.emulator.faults.clear()
    on.clock.sleep(31)  # for as long does a client keep to a pause that it was asked for
    assert on.client.reconcile(error).outcome is MADE


# -- imports: neither twice nor somebody else's


@pytest.mark.parametrize("provider", SHIPPED)
def test_late_visibility_is_unknown_and_later_made(provider: str, scene: Callable[..., Scene]) -> None:
    """The vendor acts at once and shows the new record only later; it would even take the number twice."""
    on = scene(provider, twice=True)
    on.lose(FaultKind.LOST_AFTER)
    on.account.emulator.hide_new_for = 8 * REQUESTS[provider].passes
    with pytest.raises(OutcomeUnknown) as caught:
        on.client.import_number(an_import(on.account, agent=False))
    outcomes = [on.client.reconcile(caught.value).outcome for _ in range(10)]
    assert outcomes[0] is NOT_SEEN
    assert outcomes[-1] is MADE
    assert outcomes == sorted(outcomes, key=[NOT_SEEN, MADE].index)
    assert on.writes == ["POST"]
    assert len(on.live(on.account.new)) == 1


STRANGERS: dict[str, Mapping[str, str]] = {
    "on another trunk": {"address": "elsewhere.example.com", "label": "Brought in"},
    "by another name": {"address": HOST, "label": "Theirs"},
    "with an agent": {"address": HOST, "label": "Brought in", "inbound": "8f14e45f-ceea-467f-a8d1-5b9e4c3d2a10"},
}


def stranger(on: Scene, which: str) -> str:
    """Somebody else brings the same number in; returns the id."""
    return add(on.account.emulator, Line(on.account.new, **STRANGERS[which]))


@pytest.mark.parametrize("kind", [FaultKind.LOST_BEFORE, FaultKind.LATE])
@pytest.mark.parametrize("which", STRANGERS)
@pytest.mark.parametrize("provider", SHIPPED)
def test_somebody_elses_record_is_not_adopted(
    provider: str, which: str, kind: FaultKind, scene: Callable[..., Scene]
) -> None:
    """It appears between the look before the import and the look after it."""
    on = scene(provider)
    on.lose(kind, methods=["POST"])
    ids: list[str] = []

    class Meanwhile(RecordingBackend):
        def send(self, request: HttpRequest, timeout: float) -> Response:
            if request.method == "POST":
                ids.append(stranger(on, which))
            return super().send(request, timeout)

        async def asend(self, request: HttpRequest, timeout: float) -> Response:
            return self.send(request, timeout)

    backend = Meanwhile(on.account.emulator.backend())
    client = type(on.client.client)(
        provider, api_key=on.account.emulator.api_key, backend=backend, clock=virtual_clock(NOW)
    )
    driver = Driver(client, on.client._runner)
    with pytest.raises(OutcomeUnknown, match="somebody else") as caught:
        driver.import_number(an_import(on.account, agent=False))
    (id,) = ids
    assert id in str(caught.value)
    reconciled = driver.reconcile(caught.value)
    assert reconciled.outcome is AMBIGUOUS
    assert [number.id for number in reconciled.candidates] == [id]
    assert [request.method for request in backend.sent if request.method != "GET"] == ["POST"]
    assert on.account.emulator.credentials(id) is None
    figures.count(2, "records of somebody else left alone")


@pytest.mark.parametrize("provider", [slug for slug in SHIPPED if VENDORS[slug].can_double()])
def test_two_new_records_of_a_number_are_ambiguous(provider: str, scene: Callable[..., Scene]) -> None:
    on = scene(provider, twice=True)
    on.lose(FaultKind.LATE, methods=["POST"])
    with pytest.raises(OutcomeUnknown) as caught:
        on.client.import_number(an_import(on.account, agent=False))
    on.account.emulator.act_late()
    stranger(on, "by another name")
    reconciled = on.client.reconcile(caught.value)
    assert reconciled.outcome is AMBIGUOUS
    assert len(reconciled.candidates) == 2


@pytest.mark.parametrize("provider", SHIPPED)
def test_an_import_that_sent_nothing_but_the_number_adopts_nothing_that_has_more(
    provider: str, scene: Callable[..., Scene]
) -> None:
    required = {name for name, support in spec_of(provider).capabilities.fields.items() if support.required_on_import}
    change = NumberImport(
        number=VENDORS[provider].own[3],
        label="Brought in" if Field.LABEL in required else None,
        inbound=InboundUpdate(allow_any=True),
        outbound=OutboundUpdate(address=address_at(provider, HOST)) if Field.ADDRESS in required else None,
    )
    on = scene(provider)
    on.lose(FaultKind.LATE, methods=["POST"])
    with pytest.raises(OutcomeUnknown) as caught:
        on.client.import_number(change)
    id = stranger(on, "by another name")
    assert on.client.reconcile(caught.value).outcome is AMBIGUOUS
    on.account.emulator.store.remove(id)
    on.account.emulator.act_late()
    assert on.client.reconcile(caught.value).outcome is MADE


@pytest.mark.parametrize("provider", SHIPPED)
def test_an_adopted_import_gets_its_credentials_again(provider: str, scene: Callable[..., Scene]) -> None:
    on = scene(provider)
    on.lose(FaultKind.LOST_AFTER, methods=["POST"])
    number = on.client.import_number(an_import(on.account, agent=False))
    on.account.emulator.faults.clear()
    stored = on.account.emulator.credentials(number.id)
    assert stored is not None
    assert (stored.username, stored.password) == ("pbx", PASSWORD)
    assert on.writes == ["POST", "PATCH"]


@pytest.mark.parametrize("provider", SHIPPED)
def test_credentials_that_could_not_be_sent_again_are_told_with_the_attempt(
    provider: str, scene: Callable[..., Scene]
) -> None:
    on = scene(provider)
    on.lose(FaultKind.LOST_AFTER, times=1, methods=["POST"])
    on.account.emulator.faults.append(Fault(FaultKind.LOST_BEFORE, method="PATCH", times=9))
    with pytest.raises(PartialOutcome) as caught:
        on.client.import_number(an_import(on.account, agent=False))
    cause = caught.value.cause
    assert isinstance(cause, OutcomeUnknown)
    assert cause.attempt is not None
    assert cause.attempt.operation is Operation.UPDATE_SIP
    on.account.emulator.faults.clear()
    # Everything that can be read was there already: only a person, or sending it again, can tell.
    assert on.client.reconcile(cause).outcome is AMBIGUOUS


@pytest.mark.parametrize("provider", SHIPPED)
def test_a_lost_assignment_after_an_import_is_settled_by_its_cause(provider: str, scene: Callable[..., Scene]) -> None:
    on = scene(provider)
    on.lose(FaultKind.LATE, times=9, methods=["PATCH"])
    with pytest.raises(PartialOutcome) as caught:
        on.client.import_number(an_import(on.account))
    cause = caught.value.cause
    assert isinstance(cause, OutcomeUnknown)
    on.account.emulator.faults.clear()
    assert on.client.reconcile(cause).outcome is NOT_SEEN
    on.account.emulator.act_late()
    assert on.client.reconcile(cause).outcome is MADE


# -- changes: a look can only tell what is new and can be read


def test_a_password_alone_cannot_be_settled(scene: Callable[..., Scene]) -> None:
    """Nobody can read it back, so nothing that is seen says whether it was taken."""
    for provider in SHIPPED:
        on = scene(provider)
        on.lose(FaultKind.LOST_BEFORE, times=9)
        with pytest.raises(OutcomeUnknown) as caught:
            on.client.update_sip(on.account.ids["own"], outbound=OutboundUpdate(password="new-s3cret"))
        on.account.emulator.faults.clear()
        reconciled = on.client.reconcile(caught.value)
        assert reconciled.outcome is AMBIGUOUS
        assert [number.id for number in reconciled.candidates] == [on.account.ids["own"]]


def test_a_change_to_what_was_there_before_cannot_be_settled(scene: Callable[..., Scene]) -> None:
    for provider in SHIPPED:
        on = scene(provider)
        on.lose(FaultKind.LOST_BEFORE, times=9)
        with pytest.raises(OutcomeUnknown) as caught:
            on.client.update_label(on.account.ids["own"], "Front desk")
        on.account.emulator.faults.clear()
        assert on.client.reconcile(caught.value).outcome is AMBIGUOUS


def test_a_change_of_a_record_that_is_gone_is_ambiguous(scene: Callable[..., Scene]) -> None:
    on = scene("diga")
    on.lose(FaultKind.LOST_BEFORE, times=9)
    with pytest.raises(OutcomeUnknown) as caught:
        on.client.update_sip(on.account.ids["own"], inbound=InboundUpdate(allowed_addresses=["203.0.113.7"]))
    on.account.emulator.faults.clear()
    on.account.emulator.store.remove(on.account.ids["own"])
    reconciled = on.client.reconcile(caught.value)
    assert (reconciled.outcome, reconciled.candidates) == (AMBIGUOUS, ())


def test_a_release_of_a_record_that_is_gone_was_made(scene: Callable[..., Scene]) -> None:
    on = scene("diga")
    on.lose(FaultKind.LOST_BEFORE, times=9, methods=["DELETE"])
    with pytest.raises(OutcomeUnknown) as caught:
        on.client.release(on.account.ids["own"], allow=ALL)
    on.account.emulator.store.remove(on.account.ids["own"])
    reconciled = on.client.reconcile(caught.value)
    assert (reconciled.outcome, reconciled.number) == (MADE, None)
