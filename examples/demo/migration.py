"""A dozen numbers move from vox to Diga: assess, plan, apply, kill, apply again, verify, roll back."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path

from shell import expect, run, running

from telephony_core import PhoneNumber, Telephony
from telephony_core.emulator import Emulator, Fault, FaultKind
from telephony_core.migration.assessment.assess import AssessedNumber, Assessment, assess_inventory
from telephony_core.migration.assessment.target import survey
from telephony_core.migration.inventory.inventory import take_inventory

SOURCE, TARGET = "vox", "diga"
PASSWORD = "TELEPHONY_DEMO_TRUNK_PASSWORD"
KILLED_AFTER = 2
"""Numbers that are moved when the program is killed, in the middle of the next one."""


@dataclass(frozen=True, slots=True)
class Migration:
    """The commands, in the order in which a person types them."""

    source: Emulator
    target: Emulator

    def play(self) -> None:
        before, untouched = live(self.target), self.source.records()
        self.assess()
        moving = self.plan()
        self.apply_and_die(moving, len(before))
        self.go_on(moving, len(before))
        run("migrate", "rollback", "plan.json", "--yes", code=8)  # 8: what it unpublishes was not allowed
        run("migrate", "rollback", "plan.json", "--yes", "--allow", "unpublishes")
        expect(live(self.target) == before, f"after the rollback {TARGET} is as it was")
        expect(self.source.records() == untouched, f"nothing was changed at {SOURCE}")
        run("migrate", "report", "plan.json", "--html", "report.html", shown=False)

    def assess(self) -> None:
        run("inventory", "-p", SOURCE, "-o", "vox.json", "--csv", "vox.csv")
        run("migrate", "map", "vox.json", "--to", TARGET, "-o", "map.toml")
        answer(Path("map.toml"), self.target)
        print("  (here the play answers most of what the map asks; agents in a draft version stay unanswered)")
        run("migrate", "assess", "vox.json", "--to", TARGET, "--map", "map.toml", lines=12)
        assessed = run("migrate", "assess", "vox.json", "--to", TARGET, "--map", "map.toml", "--json", shown=False)
        found = json.loads(assessed.stdout)["numbers"]
        allowances = {finding["allowance"] for each in found for finding in each["findings"]}
        expect("tls" in allowances, "a trunk that would lose TLS is blocked")
        expect(len({each["why"] for each in found}) > 6, "there are numbers of every kind")

    def plan(self) -> list[str]:
        words = ["migrate", "plan", "vox.json", "--to", TARGET, "--map", "map.toml", "-o", "plan.json"]
        # An import without an answer is in doubt for so long: nothing on this machine takes longer than that.
        doubt = ["--timeout", "3", "--settling-window", "1"]
        run(*words, "--html", "plan.html", "--concurrency", "1", *doubt, "--detailed-exitcode", code=2, lines=26)
        status = json.loads(run("migrate", "status", "plan.json", "--json", shown=False).stdout)
        moving: list[str] = status["remainder"]
        expect(len(moving) > KILLED_AFTER + 1, "there is something to interrupt")
        return moving

    def apply_and_die(self, moving: list[str], there: int) -> None:
        # The answer to one import comes byte by byte, so that there is time to kill the program before it has read it.
        self.target.faults.append(Fault(FaultKind.DRIP, method="POST", skip=KILLED_AFTER))
        with running("migrate", "apply", "plan.json", "--yes", "--json") as events:
            half_way = any(event.get("done") == KILLED_AFTER and event.get("phase") == "intent" for event in events)
            patience = time.monotonic() + 10
            while len(live(self.target)) - there <= KILLED_AFTER and time.monotonic() < patience:
                time.sleep(0.01)  # until the request has arrived
        made = len(live(self.target)) - there
        expect(half_way and made > KILLED_AFTER, "the program is half-way")
        there_now = f"{made} of {len(moving)} are at {TARGET}, and it knows of {KILLED_AFTER}"
        print(f"  killed before it had read an answer: {there_now}")
        run("migrate", "status", "plan.json")

    def go_on(self, moving: list[str], there: int) -> None:
        again = run("migrate", "apply", "plan.json", "--yes")
        expect(f"{len(moving)} of {len(moving)} moved" in again.stdout, "the second run finished the first's work")
        now = live(self.target)
        expect(len(now) == there + len(moving) == len(set(now)), "none is missing, none is there twice")
        run("migrate", "verify", "plan.json")


def answer(file: Path, target: Emulator) -> None:
    """Fill the map in, as a person would; only agents in a draft version stay unanswered."""
    agent = next(iter(target.agents.values()))
    tables = re.split(r"(?m)^(?=\[\[)", file.read_text(encoding="utf-8"))
    for index, table in enumerate(tables):
        if table.startswith("[[agents]]") and 'source_version = "draft"' not in table:
            table = re.sub(r'(?m)^# target = "".*$', f'target = "{agent}"', table)
            tables[index] = re.sub(r"(?m)^# (target_version = .*)$", r"\1", table)
        elif table.startswith("[[trunks]]"):
            table = re.sub(r"(?m)^# username = .*$", 'username = "demo"', table)
            table = re.sub(r"(?m)^# password = .*$", f'password = "env:{PASSWORD}"', table)
            tables[index] = re.sub(r"(?m)^# (allowed_addresses = .*?)  #.*$", r"\1", table)
    file.write_text("".join(tables), encoding="utf-8")


# -- a dozen numbers, of every kind


def client(emulator: Emulator) -> Telephony:
    return Telephony(emulator.slug, api_key=emulator.api_key, backend=emulator.backend())


def numbers(emulator: Emulator) -> list[PhoneNumber]:
    with client(emulator) as telephony:
        return list(telephony.list_numbers())


def live(emulator: Emulator) -> list[str]:
    return sorted(number.identity.e164 or number.identity.raw for number in numbers(emulator) if number.is_live)


def keep_a_dozen(source: Emulator, target: Emulator) -> None:
    """Leave a few numbers of every kind in two fresh emulators, and make those kinds that they do not have."""
    there, back = assessed(source, target), assessed(target, source)
    plain = [each for each in there.numbers if blocked(each) == {"outbound.password", "inbound.allowed_addresses"}]
    kept = [*plain[:5], *first_of_each(there)]
    kept += [each for each in there.numbers if blocked(each) == {"inbound.allowed_addresses"}]
    kept += [each for each in there.numbers if {"inbound_agent", "tls"} & (blocked(each) | allowances(each))]
    keep(source, {each.source_id for each in kept})
    keep(target, {each.source_id for each in first_of_each(back)})
    # Two records of one number, and a status that nobody here knows, wherever vox writes it.
    source.add({**source.store[plain[3].source_id], "id": source.new_id()})
    (status,) = (each.provider_status for each in numbers(source) if each.id == plain[4].source_id)
    key = next(name for name, value in source.store[plain[4].source_id].items() if value == status)
    source.store.edit(plain[4].source_id, {key: "porting"})


def assessed(source: Emulator, target: Emulator) -> Assessment:
    with client(source) as here, client(target) as there:
        return assess_inventory(take_inventory(here), survey(there))


def first_of_each(assessment: Assessment) -> list[AssessedNumber]:
    first: dict[str | None, AssessedNumber] = {}
    for each in assessment.numbers:
        if each.why != "blocked":
            first.setdefault(each.why, each)
    return list(first.values())


def blocked(each: AssessedNumber) -> set[str]:
    return {finding.field for finding in each.findings if finding.blocks}


def allowances(each: AssessedNumber) -> set[str]:
    return {finding.allowance for finding in each.findings if finding.allowance}


def keep(emulator: Emulator, ids: set[str]) -> None:
    for id in list(emulator.store):
        if id not in ids:
            emulator.store.remove(id)
