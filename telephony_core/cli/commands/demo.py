"""`telephony demo`: the main job on both emulators, offline, in parts that follow each other.

A part is a function that plays on a `Stage` and raises `Unexpected` when something is not as it should be. A new part
gets a row in `PARTS`.
"""

from __future__ import annotations

import inspect
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

import click

from telephony_core.cli import demo_program
from telephony_core.cli.demo_migration import move_numbers
from telephony_core.cli.emulated import Emulated, environment, fresh, with_emulators
from telephony_core.cli.options import common_options, pass_session
from telephony_core.cli.output.number import print_numbers
from telephony_core.cli.output.tables import print_json, print_line
from telephony_core.domain.lifecycle import NumberStatus, Origin
from telephony_core.errors import TelephonyError
from telephony_core.provider.capabilities import Field, Operation
from telephony_core.provider.registry import registry

if TYPE_CHECKING:
    from telephony_core.cli.session import Session
    from telephony_core.domain.phone_number import PhoneNumber


class Unexpected(TelephonyError):
    """The demonstration did not show what it is there to show."""

    default_remedy: ClassVar[str | None] = "this should not happen; please report what is printed above"


@dataclass(slots=True)
class Stage:
    """What the parts play on: emulated providers on loopback, and the environment that leads `Telephony(slug)` there.

    ``password`` is made up for this run. ``facts`` is what ``--json`` prints at the end.
    """

    emulated: Sequence[Emulated]
    password: str
    facts: dict[str, object] = field(default_factory=dict)

    def numbers(self, provider: str) -> list[PhoneNumber]:
        """Every number there is at a provider now."""
        from telephony_core.client import Telephony

        with Telephony(provider) as client:
            return list(client.list_numbers())

    def expect(self, holds: bool, what: str) -> None:
        """Raise `Unexpected` unless it holds."""
        _expect(holds, what)


class Part(NamedTuple):
    """One part of the demonstration."""

    title: str
    play: Callable[[Stage], None]


def show_program(_stage: Stage) -> None:
    """Show the program that the next part runs: the file itself, so that what is seen is what runs."""
    source = inspect.getsource(demo_program).rstrip().split("\n")
    for number, line in enumerate(source, start=1):
        print_line(f"{number:3}  {line}".rstrip())


def run_program(stage: Stage) -> None:
    """Run it on every provider, and compare what came of it with what the provider declares."""
    refused = {}
    for each in stage.emulated:
        slug, capabilities = each.spec.slug, each.spec.capabilities
        number = _movable(stage.numbers(slug), slug)
        identity = number.identity
        at_home = identity.national_digits if identity.region == capabilities.region else None
        spelling = at_home or str(identity)
        agent = _another_agent(each, number)
        print_line(f"run({slug!r}, {spelling!r}, {agent!r}, password)", "bold")
        changed, refusal = demo_program.run(slug, spelling, agent, stage.password)
        _expect(changed.id == number.id, f"{slug}: the number that was found is {number.id}")
        address = changed.sip.outbound.address if changed.sip is not None else None
        _expect(str(address and address.host) == "pbx.example.com", f"{slug}: the trunk was changed")
        answering = changed.inbound_agent
        _expect(answering is not None and answering.agent_id == agent, f"{slug}: the agent was assigned")
        declared = capabilities.can_write(Field.ALLOWED_ADDRESSES)
        _expect((refusal is None) == declared, f"{slug}: an allow-list is refused where there is no place for it")
        refused[slug] = None if refusal is None else refusal.field
        print_line("")
    _expect(any(refused.values()), "one of the writes was refused")
    stage.facts["refused"] = refused


def show_numbers(stage: Stage) -> None:
    """List the numbers of all providers in one table."""
    numbers = [number for each in stage.emulated for number in stage.numbers(each.spec.slug)]
    print_numbers(numbers, empty="", with_provider=True)
    for each in stage.emulated:
        seen = {number.id for number in numbers if number.provider == each.spec.slug}
        _expect(len(seen) > 1, f"{each.spec.slug}: its numbers are listed")
    stage.facts["numbers"] = {
        each.spec.slug: sum(number.provider == each.spec.slug for number in numbers) for each in stage.emulated
    }


def check_trunk_of_a_peer(stage: Stage) -> None:
    """Ask a SIP peer on loopback whether it answers, and say what that does not prove."""
    from telephony_core.cli.demo_peer import local_peer
    from telephony_core.sip_check import CheckVerdict, check_trunk

    with local_peer() as address:
        print_line(f"telephony sip check {address} --transport udp", "bold")
        report = check_trunk(address, transports=["udp"])
    print_line("")
    for line in report.lines():
        print_line(line)
    _expect(report.verdict is CheckVerdict.PASS, "the trunk answered")
    stage.facts["trunk_check"] = report.verdict.value


def say_what_next(stage: Stage) -> None:
    """What to type next."""
    slugs = " ".join(each.spec.slug for each in stage.emulated)
    first = stage.emulated[0].spec.slug
    for command, what in (
        (f"telephony emulate {slugs}", "keep the emulators running, and copy the settings it prints"),
        (f"telephony numbers list -p {first}", "the same numbers, from a terminal (--json for scripts)"),
        (f"telephony inventory -p {first} -o FILE", "where a migration of your own begins"),
        ("telephony sip check HOST[:PORT]", "whether anything answers at a trunk of yours"),
        ("telephony providers", "what each provider can be told"),
        ("telephony --help", "everything else"),
    ):
        print_line(f"  {command:<36}  {what}")


PARTS: Final = (
    Part("One program for every provider", show_program),
    Part("The same program, run on each of them", run_program),
    Part("The numbers of all of them, in one table", show_numbers),
    Part("Does a trunk answer?", check_trunk_of_a_peer),
    Part("Numbers move to another provider, and the program is killed half-way", move_numbers),
    Part("What to try next", say_what_next),
)
"""In the order in which they are played, on one stage: what an earlier part changed, a later one finds changed."""


@click.command()
@common_options
@pass_session
def demo(session: Session) -> None:
    """Watch the main job on the emulators, offline.

    It ends by itself, within seconds. Starts the emulators that come with this distribution on loopback, runs one
    program on each, and says what happened.
    """
    if not session.json:
        play(PARTS)
        return
    with redirect_stdout(sys.stderr):
        facts = play(PARTS)
    print_json(facts)


def play(parts: Sequence[Part]) -> dict[str, object]:
    """Play parts on a fresh stage. Raises `Unexpected`, or whatever a part raises."""
    from telephony_core.emulator.server import serve

    started = time.monotonic()
    specs = with_emulators(_own_providers())
    emulators = fresh(specs)
    with serve(emulators) as urls:
        emulated = [Emulated(specs[slug], emulators[slug], url) for slug, url in urls.items()]
        variables = {name: value for each in emulated for name, value in each.variables.items()}
        stage = Stage(emulated, secrets.token_urlsafe(12))
        for each in emulated:
            print_line(f"{each.spec.title} is emulated at {each.url}")
        with environment(variables):
            for part in parts:
                print_line("")
                print_line(f"== {part.title}", "bold")
                print_line("")
                part.play(stage)
    seconds = time.monotonic() - started
    print_line("")
    print_line(f"All as expected, in {seconds:.1f} s.", "green")
    return {"parts": [part.title for part in parts], **stage.facts, "seconds": round(seconds, 1)}


def _own_providers() -> list[str]:
    """The providers that the parts are written for: another emulator need not have what they look for."""
    own = (each.slug for each in registry.installed() if each.distribution == "telephony-core")
    return [slug for slug in own if slug in ("diga", "vox")]


def _movable(numbers: Sequence[PhoneNumber], slug: str) -> PhoneNumber:
    """A number of one's own in service, with a trunk and exactly one live record."""
    live = [number for number in numbers if number.is_live]
    for number in live:
        fits = number.origin is Origin.IMPORTED and number.status is NumberStatus.ACTIVE
        has_trunk = number.sip is not None and number.sip.outbound.address is not None
        alone = sum(number.identity.same_number(other.identity) for other in live) == 1
        if fits and has_trunk and alone:
            return number
    raise Unexpected(f"{slug}: no number with a trunk is there to show anything on")


def _another_agent(each: Emulated, number: PhoneNumber) -> str:
    """An agent of the account that does not answer this number yet."""
    _expect(each.spec.capabilities.offers(Operation.ASSIGN_AGENTS), f"{each.spec.slug}: agents can be assigned")
    now = number.inbound_agent.agent_id if number.inbound_agent is not None else None
    for agent in each.emulator.agents.values():
        if agent != now:
            return agent
    raise Unexpected(f"{each.spec.slug}: no other agent is there")


def _expect(holds: bool, what: str) -> None:
    if not holds:
        raise Unexpected(f"this does not hold: {what}")
