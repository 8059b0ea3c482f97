"""The part of `telephony demo` that moves numbers between providers, and kills its own program half-way."""

from __future__ import annotations

import io
import json
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from telephony_core.cli.emulated import Emulated, environment, fresh, with_emulators
from telephony_core.cli.exit_codes import ExitCode
from telephony_core.cli.output.tables import Cell, Column, print_line, print_table
from telephony_core.cli.session import Session

if TYPE_CHECKING:
    from telephony_core.cli.commands.demo import Stage
    from telephony_core.domain.phone_number import PhoneNumber
    from telephony_core.emulator import Emulator
    from telephony_core.migration.assessment.assess import AssessedNumber, Assessment

SOURCE: Final = "vox"
TARGET: Final = "diga"
PASSWORD: Final = "TELEPHONY_DEMO_TRUNK_PASSWORD"  # noqa: S105 - the name of a variable
_KILLED_AFTER: Final = 2
"""Numbers that are moved when the program is killed, in the middle of the next one."""
_PATIENCE: Final = 10.0
"""Seconds within which a request to an emulator on this machine has surely arrived."""
_OPENING: Final = 26
"""Lines of a plan that are shown; all of them are in its file."""


class Done(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


def move_numbers(stage: Stage) -> None:
    """Move a dozen numbers: assess, plan, apply, kill, resume, verify, roll back. Leaves a report in a folder."""
    folder = Path(tempfile.mkdtemp(prefix="telephony-demo-"))
    specs = with_emulators([SOURCE, TARGET])
    emulators = fresh(specs)
    source, target = emulators[SOURCE], emulators[TARGET]
    _keep_a_dozen(source, target)
    from telephony_core.emulator.server import serve

    with ExitStack() as stack:
        urls = stack.enter_context(serve(emulators))
        served = [Emulated(specs[slug], emulators[slug], url) for slug, url in urls.items()]
        stack.enter_context(environment({**_configured(folder, served), PASSWORD: stage.password}))
        stack.enter_context(chdir(folder))
        print_line("Two emulators with a dozen numbers of every kind; without a limit of pace, since they are local.")
        facts = _Migration(source, target, stage.expect).play()
        leaked = [file.name for file in folder.iterdir() if stage.password.encode() in file.read_bytes()]
        stage.expect(not leaked, f"no file holds the password: {', '.join(leaked)}")
    print_line("")
    print_line(f"The report, the plan as a page, and every file of this: {folder}")
    print_line(f"  open {folder / 'report.html'}")
    stage.facts["migration"] = {**facts, "folder": str(folder)}


def _configured(folder: Path, served: list[Emulated]) -> dict[str, str]:
    """A configuration file that leads to the emulators, and the variables that lead to the file."""
    from telephony_core.text.documents import write_file

    tables = [
        f'[connections.{each.spec.slug}]\nprovider = "{each.spec.slug}"\nbase_url = "{each.url}"\n'
        "pace = {}  # no limit: an emulator on this machine needs none\n"
        for each in served
    ]
    config = folder / "config.toml"
    write_file(config, "\n".join(tables).encode())
    variables = {name: value for each in served for name, value in each.variables.items()}
    return {**variables, "TELEPHONY_CONFIG": str(config)}


@dataclass(frozen=True, slots=True)
class _Migration:
    """The commands, in the order in which a person types them."""

    source: Emulator
    target: Emulator
    expect: Callable[[bool, str], None]

    def play(self) -> dict[str, object]:
        before = _live(self.target)
        untouched = self.source.records()
        reasons = self._prepare()
        moving = self._plan()
        self._apply_and_die(moving, len(before))
        self._go_on(moving, len(before))
        self._roll_back()
        self.expect(_live(self.target) == before, f"after the rollback {TARGET} is as it was")
        self.expect(self.source.records() == untouched, f"nothing was changed at {SOURCE}")
        self._run("migrate", "report", "plan.json", "--html", "report.html", shown=False)
        return {"numbers": len(untouched), "moved": len(moving), "stayed": reasons}

    def _prepare(self) -> dict[str, int]:
        self._run("inventory", "-p", SOURCE, "-o", f"{SOURCE}.json", "--csv", f"{SOURCE}.csv")
        self._run("inventory", "-p", TARGET, "-o", f"{TARGET}.json", shown=False)
        self._run("migrate", "map", f"{SOURCE}.json", "--to", TARGET, "-o", "map.toml")
        _answer(Path("map.toml"), self.target)
        print_line("  (here the demo answers most of what the map asks; one agent stays unsaid)", "dim")
        found = self._assess(SOURCE, TARGET, "--map", "map.toml")
        back = self._assess(TARGET, SOURCE)
        self.expect("tls" in _consents(found), "a trunk that would lose TLS is blocked")
        lost = {"lost_allow_list", "inbound_media_encryption", "outbound_media_encryption"}
        self.expect(lost <= _consents(back), "a lost allow-list and lowered encryption are blocked")
        reasons = {str(each["why"]) for each in found["numbers"] if each["why"] is not None}
        every = {"blocked", "already_there", "in_transition", "purchased", "identity", "ambiguous", "released"}
        self.expect(reasons == every, f"every reason to stay is there: {', '.join(sorted(reasons))}")
        return {why: sum(each["why"] == why for each in found["numbers"]) for why in sorted(reasons)}

    def _assess(self, source: str, target: str, *more: str) -> dict[str, list[dict[str, object]]]:
        words = ["migrate", "assess", f"{source}.json", "--to", target, *more]
        found: dict[str, list[dict[str, object]]] = json.loads(self._run(*words, "--json", shown=False).out)
        _print_command(words)
        print_line("  in short (it says more, field by field):", "dim")
        print_table(
            (Column("NUMBER"), Column("WHAT BECOMES OF IT", gives_way="folded")),
            [
                (str(each["number"]), Cell(str(each["message"]), "green" if each["why"] is None else ""))
                for each in sorted(found["numbers"], key=lambda each: each["why"] is not None)
            ],
            empty="",
        )
        return found

    def _plan(self) -> list[str]:
        words = ["migrate", "plan", f"{SOURCE}.json", "--to", TARGET, "--map", "map.toml", "-o", "plan.json"]
        # An import without an answer is in doubt for so long: nothing on this machine takes longer than a second.
        doubt = ["--timeout", "1", "--settling-window", "1"]
        settings = ["--html", "plan.html", "--concurrency", "1", *doubt, "--detailed-exitcode"]
        self._run(*words, *settings, code=ExitCode.CHANGES, most=_OPENING)
        status = json.loads(self._run("migrate", "status", "plan.json", "--json", shown=False).out)
        moving: list[str] = status["remainder"]
        self.expect(len(moving) > _KILLED_AFTER + 1, "there is something to interrupt")
        return moving

    def _apply_and_die(self, moving: list[str], there: int) -> None:
        from telephony_core.emulator import Fault, FaultKind

        words = ["migrate", "apply", "plan.json", "--yes"]
        _print_command(words)
        # The answer to one import comes byte by byte, so that there is time to kill the program before it has read it.
        self.target.faults.append(Fault(FaultKind.DRIP, method="POST", skip=_KILLED_AFTER))
        with _running(words) as events:
            half_way = any(event.get("done") == _KILLED_AFTER and event.get("phase") == "intent" for event in events)
            self.expect(half_way and self._made(there) > _KILLED_AFTER, "the program is half-way")
        print_line(
            f"  killed (SIGKILL) before it had read an answer: {self._made(there)} of {len(moving)} are at {TARGET}, "
            f"and it knows of {_KILLED_AFTER}",
            "red",
        )
        self._run("migrate", "status", "plan.json")

    def _made(self, there: int) -> int:
        """How many numbers are at the target beyond those that were there; waits a moment for the one on its way."""
        patience = time.monotonic() + _PATIENCE
        while (made := len(_live(self.target)) - there) <= _KILLED_AFTER and time.monotonic() < patience:
            time.sleep(0.01)
        return made

    def _go_on(self, moving: list[str], there: int) -> None:
        words = ("migrate", "apply", "plan.json", "--yes")
        _print_command(words)
        resumed = self._run(*words, shown=False)
        for line in (*(f"({said})" for said in _said(resumed)), *resumed.lines):
            print_line(f"  {line}")
        self.expect(f"{len(moving)} of {len(moving)} moved" in resumed.out, "the second run finished the first's work")
        live = _live(self.target)
        self.expect(len(live) == there + len(moving) == len(set(live)), "none is missing, none is there twice")
        self._run("migrate", "verify", "plan.json")

    def _roll_back(self) -> None:
        refused = self._run("migrate", "rollback", "plan.json", "--yes", code=ExitCode.CONSENT)
        for line in refused.err.splitlines():
            print_line(f"  {line}")
        self._run("migrate", "rollback", "plan.json", "--yes", "--allow", "unpublishes")

    def _run(self, *words: str, code: int = ExitCode.OK, shown: bool = True, most: int | None = None) -> Done:
        """Run a command as a shell would, in this process, and show what it prints."""
        if shown:
            _print_command(words)
        done = _in_this_process(words)
        self.expect(done.code == code, f"`{shlex.join(words)}` ended with {done.code}: {done.err.strip()}")
        lines = done.lines if shown else []
        for line in lines[:most]:
            print_line(f"  {line}".rstrip())
        if most is not None and len(lines) > most:
            print_line(f"  … and {len(lines) - most} more lines, which are in plan.html as well", "dim")
        return done


def _said(done: Done) -> list[str]:
    """What a run told on its way about an earlier one that had died."""
    events = [json.loads(line).get("event", {}) for line in done.err.splitlines()]
    telling = [each for each in events if each.get("kind") == "said" or each.get("action") == "import"]
    return [" ".join(filter(None, (each.get("number"), each["says"]))) for each in telling if each.get("says")]


def _print_command(words: list[str] | tuple[str, ...]) -> None:
    print_line("")
    print_line(f"$ telephony {shlex.join(words)}", "bold")


def _in_this_process(words: tuple[str, ...]) -> Done:
    from telephony_core.cli.app import app

    out, err, code = io.StringIO(), io.StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            app.main(words, obj=Session())
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
    return Done(code, out.getvalue(), err.getvalue())


@contextmanager
def _running(words: list[str]) -> Iterator[Iterator[Mapping[str, object]]]:
    """A command in a process of its own, and the events that it tells. It is killed in the end."""
    command = [sys.executable, "-m", "telephony_core.cli", *words]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            yield (json.loads(line).get("event", {}) for line in process.stderr or ())
        finally:
            process.kill()


def _live(emulator: Emulator) -> list[str]:
    return sorted(number.identity.e164 or number.identity.raw for number in _numbers(emulator) if number.is_live)


def _numbers(emulator: Emulator) -> list[PhoneNumber]:
    from telephony_core.client import Telephony

    with Telephony(emulator.slug, api_key=emulator.api_key, backend=emulator.backend()) as client:
        return list(client.list_numbers())


def _consents(found: Mapping[str, list[dict[str, object]]]) -> set[object]:
    findings = [each["findings"] for each in found["numbers"]]
    return {finding["allowance"] for some in findings if isinstance(some, list) for finding in some}


def _answer(file: Path, target: Emulator) -> None:
    """Fill the map in, as a person would; only agents in a draft version stay unsaid."""
    from telephony_core.text.documents import write_file

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
    write_file(file, "".join(tables).encode(), overwrite=True)


# -- a dozen numbers, of every kind


def _keep_a_dozen(source: Emulator, target: Emulator) -> None:
    """Leave a few numbers of every kind in two fresh emulators, and make those kinds that they do not have."""
    there, back = _assessed(source, target), _assessed(target, source)
    plain = [each for each in there.numbers if _blocked(each) == {"outbound.password", "inbound.allowed_addresses"}]
    kept = [*plain[:5], *_first_of_each(there)]
    kept += [each for each in there.numbers if _blocked(each) == {"inbound.allowed_addresses"}]
    kept += [each for each in there.numbers if each.why == "blocked" and {"inbound_agent", "tls"} & _words(each)]
    _keep(source, {each.source_id for each in kept})
    _keep(target, {each.source_id for each in (*_first_of_each(back), *(n for n in back.numbers if _blocked(n)))})
    _add_another_record(source, plain[3].source_id)
    _set_status(source, plain[4].source_id, "porting")


def _assessed(source: Emulator, target: Emulator) -> Assessment:
    from telephony_core.client import Telephony
    from telephony_core.migration.assessment.assess import assess_inventory
    from telephony_core.migration.assessment.target import survey
    from telephony_core.migration.inventory.inventory import take_inventory

    def client(emulator: Emulator) -> Telephony:
        return Telephony(emulator.slug, api_key=emulator.api_key, backend=emulator.backend())

    with client(source) as here, client(target) as there:
        return assess_inventory(take_inventory(here), survey(there))


def _first_of_each(assessment: Assessment) -> list[AssessedNumber]:
    first: dict[str | None, AssessedNumber] = {}
    for each in assessment.numbers:
        if each.why != "blocked":
            first.setdefault(each.why, each)
    return list(first.values())


def _blocked(each: AssessedNumber) -> set[str]:
    return {finding.field for finding in each.findings if finding.blocks}


def _words(each: AssessedNumber) -> set[str]:
    return _blocked(each) | {finding.allowance or "" for finding in each.findings}


def _keep(emulator: Emulator, ids: set[str]) -> None:
    for id in list(emulator.store):
        if id not in ids:
            emulator.store.remove(id)


def _add_another_record(emulator: Emulator, id: str) -> None:
    emulator.add({**emulator.store[id], "id": emulator.new_id()})


def _set_status(emulator: Emulator, id: str, word: str) -> None:
    """Give a record a status that nobody here knows, wherever its vendor writes it."""
    (now,) = (number.provider_status for number in _numbers(emulator) if number.id == id)
    name = next(name for name, value in emulator.store[id].items() if value == now)
    emulator.store.edit(id, {name: word})
