"""`docs/cli.md` says what is so: the commands, their options, the exit codes, the JSON."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from telephony_core import PhoneNumber
from telephony_core.cli.app import app
from telephony_core.cli.exit_codes import ExitCode
from telephony_core.domain.lifecycle import Release
from telephony_core.migration.run.events import Event, EventKind

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### `([^`]+)`\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
HELD_BACK = ("inventory", "migrate", "apply", "fleet", "schema")
EVERYWHERE = {"--provider", "--config", "--json", "--quiet", "--help", "--details"}


def commands(group, context, path):
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            if any("--" + (option.name or "") not in EVERYWHERE for option in command.params):  # it is a command, too
                yield " ".join([*path, name]), command
            yield from commands(command, click.Context(command, parent=context), [*path, name])
        else:
            yield " ".join([*path, name]), command


COMMANDS = dict(commands(app, click.Context(app), ["telephony"]))


def test_every_command_has_its_section_and_no_section_is_left_over():
    assert sorted(SECTIONS) == sorted(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_section_names_every_option_of_its_command_and_no_other(name):
    options = {
        max(parameter.opts, key=len) for parameter in COMMANDS[name].params if isinstance(parameter, click.Option)
    }
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", SECTIONS[name]))
    assert named - EVERYWHERE == options - EVERYWHERE


def test_the_table_of_exit_codes_is_the_one_of_the_program():
    rows = re.findall(r"^\| (\d+) \| (\w+) \| (.+?) \|$", PAGE, re.MULTILINE)
    assert rows == [(str(int(code)), code.name.lower(), code.meaning) for code in ExitCode]


def test_the_keys_of_a_number_are_those_that_are_printed():
    listed = re.search(r"A number has these keys, always all of them: (.*?)\.", PAGE, re.DOTALL)
    assert listed is not None
    keys = {name for name, field in PhoneNumber.model_fields.items() if not field.exclude}
    assert set(re.findall(r"`(\w+)`", listed[1])) == keys


def test_the_keys_of_a_release_are_those_that_are_printed():
    row = re.search(r"^\| `numbers release` \| the release: (.*) \|$", PAGE, re.MULTILINE)
    assert row is not None
    assert re.findall(r"`(\w+)`", row[1]) == list(Release.model_fields)


def test_the_keys_and_kinds_of_an_event_are_those_that_are_printed():
    listed = re.search(r"An event has these keys:(.*?)\. ", PAGE, re.DOTALL)
    assert listed is not None
    assert set(re.findall(r"`(\w+)`", listed[1])) == {*Event.model_fields, *EventKind}


def test_the_examples_are_command_lines_that_parse(telephony, monkeypatch):
    monkeypatch.setenv("TRUNK_PASSWORD", "x")
    import shlex

    examples = re.findall(r"^    (telephony (?:[^\\\n]|\\\n)+)", PAGE, re.MULTILINE)
    assert len(examples) >= 3
    for example in examples:
        words = shlex.split(example.replace("\\\n", " "))[1:]
        # A check of a trunk has nothing to hold back; those of a migration are run by the test of its guide.
        dry = "--help" if words[:2] in (["sip", "check"], ["numbers", "list"]) or words[0] in HELD_BACK else "--check"
        words = [word for word in words if word != ">"]
        result = telephony(*words, dry)
        assert result.exit_code in (0, 78), (example, result.stderr)  # 78: nobody there to type a password
