"""A password comes by reference, from a prompt or from stdin, and is never seen."""

from __future__ import annotations

import click
import pytest

SECRET = "canary-pass-9"
SET = ("sip", "set", "+34612345678", "-p", "diga")


def password_of(diga):
    return next(diga.credentials(each["id"]).password for each in diga.records() if each["number"] == "+34612345678")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--password", SECRET),
        (f"--password={SECRET}",),
        ("--password", f"envNAME{SECRET}"),
        ("--password", SECRET, "and", "more"),
        ("--password", SECRET, "--no-such-option"),
    ],
)
def test_a_password_as_an_argument_is_refused_and_not_repeated(telephony, diga, arguments):
    for extra in ((), ("--json",)):
        result = telephony(*SET, *arguments, *extra)
        assert result.exit_code == 64
        assert SECRET not in result.output
    assert diga.requests == []


def test_an_empty_password_argument_is_refused_as_well(telephony):
    assert telephony(*SET, "--password", "").exit_code == 64


def test_a_password_comes_from_the_environment(telephony, diga, monkeypatch):
    monkeypatch.setenv("PW", SECRET)
    assert SECRET not in telephony(*SET, "--password", "env:PW").output
    assert password_of(diga) == SECRET


def test_a_mask_is_refused_in_words_of_the_command_line(telephony, diga, monkeypatch):
    monkeypatch.setenv("PW", "**********")
    result = telephony(*SET, "--password", "env:PW")
    assert "next: put the secret itself where the mask is" in result.stderr
    assert "model_dump" not in result.output
    assert diga.requests == []


def test_a_password_comes_from_a_file(telephony, diga, tmp_path):
    (tmp_path / "pw").write_text(SECRET + "\n")
    assert telephony(*SET, "--password", f"file:{tmp_path / 'pw'}").exit_code == 0
    assert password_of(diga) == SECRET


def test_a_password_comes_from_stdin(telephony, diga):
    assert SECRET not in telephony(*SET, "--password", "-", stdin=SECRET + "\n").output
    assert password_of(diga) == SECRET


def test_a_password_is_asked_for_and_not_shown(telephony, diga, at_terminal):
    at_terminal()
    result = telephony(*SET, "--password", "prompt:", stdin=SECRET + "\n")
    assert result.exit_code == 0, result.stderr
    assert SECRET not in result.output
    assert result.stderr.strip() == "SIP password:"
    assert password_of(diga) == SECRET


def test_the_same_references_work_on_an_import(telephony, diga, monkeypatch):
    monkeypatch.setenv("PW", SECRET)
    made = telephony.json("numbers", "import", "+34699000001", "-p", "diga", "--allow-any",
                          "--address", "pbx.example.com",
                          "--username", "acme", "--password", "env:PW")  # fmt: skip
    assert diga.credentials(made["id"]).password == SECRET


@pytest.mark.parametrize("reference", ["env:NOT_SET_ANYWHERE", "file:/no/such/file", "prompt:", "-", "env:", "file:"])
def test_a_reference_that_leads_nowhere_is_a_configuration_error_before_any_request(telephony, diga, reference):
    error = telephony.error(*SET, "--password", reference)
    assert (error["kind"], error["exit_code"]) == ("ConfigurationError", 78)
    assert "SIP password" in error["message"]
    assert diga.requests == []


def test_stdin_that_is_a_terminal_is_not_read_for_a_password(telephony, at_terminal):
    at_terminal()
    assert "prompt:" in telephony.error(*SET, "--password", "-")["remedy"]


def test_a_prompt_that_is_left_empty_is_an_error(telephony, at_terminal):
    at_terminal()
    assert telephony(*SET, "--password", "prompt:", stdin="\n").exit_code == 78


def interrupted(*_args, **_options):
    """What click makes of Ctrl-C."""
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        raise click.Abort from None


def test_ctrl_c_at_a_prompt_ends_with_130(telephony, at_terminal, monkeypatch):
    at_terminal()
    monkeypatch.setattr("click.prompt", interrupted)
    assert telephony(*SET, "--password", "prompt:").exit_code == 130


def test_ctrl_c_at_a_question_ends_with_130(telephony, at_terminal, monkeypatch, diga):
    at_terminal()
    monkeypatch.setattr("click.confirm", interrupted)
    assert telephony("numbers", "release", "+34911234567", "-p", "diga", "--allow", "unpublishes").exit_code == 130
    assert "DELETE" not in {call.method for call in diga.requests}


def test_passwords_are_asked_for_with_check_too_and_sent_nowhere(telephony, diga, monkeypatch):
    monkeypatch.setenv("PW", SECRET)
    assert telephony.json(*SET, "--password", "env:PW", "--check") == []
    assert diga.requests == []
