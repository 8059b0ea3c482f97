"""From every state that somebody else's change leads to, the commands that are printed lead to an end.

verify: differs ──> verify (once it is mended) | rollback ──> report
rollback: changed by somebody ──> numbers release ID ──> rollback ──> report
source changed, at the target already ──> rollback --allow source_not_serving ──> report
at the target, and not ours ──> numbers release ID ──> apply
"""

from __future__ import annotations

import re
from collections import Counter

import pytest

KEY = "+827011110000"
MOST_COMMANDS = 10


def first(emulator):
    """The record of the number, however it is written there."""
    return next(id for id in emulator.store if str(emulator.store[id]["number"]).endswith("11110000"))


def printed(result):
    """The commands that a person is told, in the order in which they are."""
    text = result.stdout + result.stderr
    found = re.findall(r"`telephony ((?:migrate|numbers) [^`]+)`|^next: telephony (.+)$", text, re.MULTILINE)
    return [command or following for command, following in found]


def run(moving, command):
    words = [*command.replace("PLAN", "plan.json").split()]
    if words[1] in ("apply", "rollback", "release"):
        words += ["--yes"]
    if words[1] in ("rollback", "release"):
        words += ["--allow", "unpublishes"]
    return moving.telephony(*words)


def is_planned_anew(moving):
    moving.telephony("inventory", "-p", "vox", "-o", "again.json")
    planned = moving.telephony.json(
        "migrate", "plan", "again.json", "--to", "diga", "--map", "map.toml", "-o", "again-plan.json"
    )
    # Its agent may have been unpublished with the number; that is said now, before anything is imported.
    blocked = [left["message"] for left in planned["skipped"] if left["key"] == KEY]
    return KEY in [number["key"] for number in planned["numbers"]] or blocked == ["blocked by inbound_agent"]


def walked(moving, command):
    """Follow what is printed, the least tried command first, until the number is settled: the commands, in order."""
    tried, path = Counter(), []
    while len(path) < MOST_COMMANDS:
        path.append(command)
        tried[command] += 1
        result = run(moving, command)
        number, _anchor = moving.telephony.json("migrate", "status", "plan.json")["numbers"]
        if number["state"] == "rolled_back" or number["verified_at"] is not None:
            return path
        if "if somebody removed all of them, make a new plan" in result.stderr:
            assert is_planned_anew(moving)
            return path
        offered = printed(result)
        if command.startswith("numbers release"):  # "then run the same command again"
            offered = [path[-2]]
        assert offered, f"{command} says nothing to type: {result.output}"
        command = min(reversed(offered), key=lambda each: tried[each])
    raise AssertionError(f"the commands go round: {path}")


@pytest.fixture
def one(moving):
    """A number that something happens to, one that nothing does, and a plan to move both."""
    for id in list(moving.vox.store)[2:]:
        moving.vox.store.remove(id)
    moving.plan("--timeout", "1", "--soak-hours", "0")
    return moving


def moved(one):
    assert one.telephony("migrate", "apply", "plan.json", "--yes").exit_code == 0


def changed_at_the_target(one):
    moved(one)
    one.diga.store.edit(first(one.diga), {"nickname": "foreign"})


def gone_at_the_target(one):
    moved(one)
    one.diga.store.remove(first(one.diga))


def another_one_at_the_target(one):
    moved(one)
    one.diga.store.remove(first(one.diga))
    one.diga.add(number=KEY)


def changed_at_the_source(one):
    moved(one)
    one.vox.store.edit(first(one.vox), {"memo": "foreign"})


def there_before_it_was_begun(one):
    one.diga.allow_duplicates = True
    one.diga.add(number=KEY)


@pytest.mark.parametrize(
    "state",
    [
        changed_at_the_target,
        gone_at_the_target,
        another_one_at_the_target,
        changed_at_the_source,
        there_before_it_was_begun,
    ],
)
@pytest.mark.parametrize("begin", ["status", "verify", "apply", "rollback"])
def test_the_printed_commands_end(one, state, begin):
    state(one)
    if state is there_before_it_was_begun and begin in ("verify", "rollback"):
        begin = "apply"  # nothing was begun, which those say
    walked(one, f"migrate {begin} plan.json")
