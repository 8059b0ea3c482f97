"""A command that is printed can be pasted: it leads where this run worked."""

from __future__ import annotations

import shlex

import pytest

from telephony_core.cli.output.pasteable import pasteable
from telephony_core.cli.session import Session, account_of
from telephony_core.migration.rendering.commands import command


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("next: telephony migrate apply p.json", "next: telephony migrate apply p.json --config 'my file'"),
        (
            "see `telephony numbers list`, or `telephony migrate status p`",
            "see `telephony numbers list -p kr --config 'my file'`, or `telephony migrate status p --config 'my file'`",
        ),
        ("`telephony numbers list -p es`", "`telephony numbers list -p es --config 'my file'`"),
        ("`telephony sip check h:5060` tells", "`telephony sip check h:5060` tells"),
        ("`telephony numbers set -p es --help` shows how", "`telephony numbers set -p es --help` shows how"),
        ("`telephony numbers list --help` shows how", "`telephony numbers list --help` shows how"),
        ("`telephony providers vox`", "`telephony providers vox`"),
        ("`telephony migrate apply 'a`b'`", "`telephony migrate apply 'a`b' --config 'my file'`"),
        ("a label telephony migrate", "a label telephony migrate"),
    ],
)
def test_a_command_that_is_printed_leads_where_this_run_worked(text, printed):
    session = Session(config="my file", account=account_of("kr", "vox", "https://api.example"))
    assert pasteable(text, session) == printed
    assert pasteable(printed, session) == printed


def test_without_options_a_command_is_printed_as_it_is():
    assert pasteable("`telephony numbers list`", Session()) == "`telephony numbers list`"


@pytest.mark.parametrize("name", ["plan.json", "a plan.json", "it's.json", "-plan.json", "a`b.json"])
def test_any_name_of_a_plan_stays_one_word(name):
    *_, word = shlex.split(pasteable(f"next: {command('apply', name)}", Session()))
    assert word.removeprefix("./") == name
    assert not word.startswith("-")
