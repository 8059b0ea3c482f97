"""Every command line there is: its examples, its options under one name, and what people mean who type another."""

from __future__ import annotations

import shlex
from collections import defaultdict

import click
import pytest

from telephony_core.cli import hints
from telephony_core.cli.app import app
from telephony_core.cli.session import Session


def tree(command, context, path):
    yield " ".join(path), command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            yield from tree(child, click.Context(child, parent=context, info_name=name), [*path, name])


COMMANDS = dict(tree(app, click.Context(app, info_name="telephony"), ["telephony"]))
FILES = ("vox.json", "vox-today.json", "plan.json", "map.toml", "table.csv")


def words_of(example):
    """The words of a command line that are ours: without what the shell does around them."""
    example = example.removeprefix('eval "$(').removesuffix(')"')
    return shlex.split(example.partition(" > ")[0])


@pytest.mark.parametrize("path", COMMANDS)
def test_every_help_has_an_example(path):
    assert COMMANDS[path].examples
    shown = COMMANDS[path].get_help(click.Context(COMMANDS[path], info_name=path))
    assert all(f"  {example}\n" in f"{shown}\n" for example in COMMANDS[path].examples)


@pytest.mark.parametrize(
    ("path", "example"), [(path, example) for path, command in COMMANDS.items() for example in command.examples]
)
def test_every_example_is_a_command_line_that_parses(path, example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in FILES:
        (tmp_path / name).write_text("{}")
    program, *words = words_of(example)
    assert program == "telephony"
    command, context = app, click.Context(app, info_name="telephony", obj=Session())
    while isinstance(command, click.Group) and words and words[0] in command.list_commands(context):
        name, words = words[0], words[1:]
        command = command.get_command(context, name)
        context = click.Context(command, parent=context, info_name=name, obj=Session())
    if not isinstance(COMMANDS[path], click.Group):
        assert command is COMMANDS[path], "an example is one of this command"
    command.make_context("example", words, obj=Session())


def options():
    """Every option by its long name, with the commands that have it."""
    found = defaultdict(list)
    for path, command in COMMANDS.items():
        for option in command.params:
            if isinstance(option, click.Option):
                found[max(option.opts, key=len)].append((path, option))
    return found


OPTIONS = options()


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_is_of_one_kind_and_one_spelling_wherever_it_is(name):
    kinds = {(tuple(option.opts), option.is_flag, option.multiple) for _, option in OPTIONS[name]}
    assert len(kinds) == 1, OPTIONS[name]


def test_one_thing_has_one_name():
    by_value = defaultdict(set)
    for name, found in OPTIONS.items():
        for _, option in found:
            by_value[option.name].add(name)
    assert {value: names for value, names in by_value.items() if len(names) > 1} == {}
    for other in ("--inbound", "--outbound", "--version", "--sort-by", "--no-confirm", "--assume-yes", "--connection"):
        assert all(path == "telephony" for path, _ in OPTIONS.get(other, ())), other


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("get", "telephony numbers show"),
        ("search", "telephony numbers available"),
        ("resume", "telephony apply"),
        ("undo", "telephony rollback"),
        ("login", "telephony doctor"),
        ("ls", "telephony numbers list"),
        ("rm", "telephony numbers release"),
        ("list", "telephony numbers list"),
        ("assign", "telephony agents assign"),
        ("relese", "telephony numbers release"),
        ("numbers get", "telephony numbers show"),
        ("numbers rm", "telephony numbers release"),
        ("numbers serach", "telephony numbers available"),
        ("numbers lst", "telephony numbers list"),
        ("migrate undo", "telephony migrate rollback"),
        ("migrate resume", "telephony migrate apply"),
        ("sip test", "telephony sip check"),
        ("agents ls", "telephony agents list"),
    ],
)
def test_a_word_of_another_tool_or_a_near_miss_is_answered_with_the_command_to_use(telephony, line, instead):
    result = telephony(*line.split())
    assert (result.exit_code, result.stdout) == (64, "")
    assert f"`{instead}`" in result.stderr


def test_what_is_hinted_at_is_there():
    assert {command for command in hints._COMMANDS.values() if command not in COMMANDS} == set()
    leaves = {path.rpartition(" ")[2] for path in COMMANDS}
    assert {name for names in hints._IN_A_GROUP.values() for name in names} <= leaves
    assert set(hints._WHY) <= set(hints._COMMANDS)
    known = {opt for found in OPTIONS.values() for _, option in found for opt in option.opts}
    assert {name for name in hints._OPTIONS.values() if name} <= known


def test_a_word_that_is_like_nothing_is_only_refused(telephony):
    assert "did you mean" not in telephony("xyzzy").stderr


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("numbers list --statuss active", "did you mean --status?"),
        ("numbers label 07011112222 x --dry-run", "did you mean --check?"),
        ("numbers list --connection vox", "did you mean -p?"),
        ("numbers list --filter status=active", "did you mean --where?"),
        ("--verbos", "there is no option --verbos"),
    ],
)
def test_an_option_of_another_tool_is_answered_with_ours(telephony, line, hint):
    result = telephony(*line.split())
    assert (result.exit_code, result.stdout) == (64, "")
    assert hint in result.stderr


@pytest.mark.parametrize(
    ("line", "quoted"),
    [
        ("numbers show +34 612 34 56 78 -p diga", "quote it: `'+34 612 34 56 78'`"),
        ("sip show -p diga 612 34 56 78", "quote it: `'612 34 56 78'`"),
        ("numbers label +82 70 1111 2222 Main", "quote it: `'+82 70 1111 2222'`"),
        ("numbers release (02) 312 3456 -p vox", "quote it: `'(02) 312 3456'`"),
        ("apply plan.json --numbers +34 612 34 56 78", "quote it: `'+34 612 34 56 78'`"),
    ],
)
def test_a_number_that_the_shell_split_is_to_be_quoted(telephony, vox, diga, line, quoted):
    result = telephony(*line.split())
    assert (result.exit_code, result.stdout) == (64, "")
    assert quoted in result.stderr
    assert vox.requests == diga.requests == []


def test_an_option_without_its_value_leads_to_the_help_of_its_command(telephony):
    assert "`telephony numbers list --help`" in telephony("numbers", "list", "--where").stderr


def test_the_help_that_is_named_is_no_matter_of_a_connection(telephony):
    assert "`telephony numbers list --help` shows" in telephony("numbers", "list", "-p", "vox", "--wher", "x").stderr


def test_other_words_too_many_are_said_with_what_they_are(telephony):
    assert "'line' is one word too many here" in telephony("numbers", "label", "07011112222", "Main", "line").stderr


@pytest.mark.parametrize(
    "line",
    [
        "providers -p vox",
        "-p vox providers",
        "schema -p vox",
        "emulate -p vox",
        "demo -p vox",
        "completion bash -p vox",
        "migrate assess vox.json --to diga -p vox",
        "migrate -p vox plan vox.json --to diga -o plan.json",
        "migrate map vox.json --to diga -o map.toml -p vox",
        "apply plan.json -p vox",
        "-p vox status plan.json",
        "verify plan.json -p vox",
        "rollback plan.json -p vox",
        "report plan.json -p vox",
        "migrate release plan.json -p vox",
        "inventory diff a.json b.json -p vox",
    ],
)
def test_a_connection_is_refused_where_it_means_nothing(telephony, line):
    result = telephony(*line.split())
    assert (result.exit_code, result.stdout) == (64, "")
    assert "-p means nothing to" in result.stderr


def test_a_connection_of_the_environment_is_no_reason_to_refuse(telephony, monkeypatch):
    monkeypatch.setenv("TELEPHONY_PROVIDER", "vox")
    assert telephony("schema").exit_code == 0
