"""How every end of the command looks: exit code, stderr for people, stderr for scripts, and never a secret."""

from __future__ import annotations

import json

import click
import pytest

from telephony_core import errors
from telephony_core.cli import failures
from telephony_core.cli.app import COMMANDS, app
from telephony_core.cli.exit_codes import BY_ERROR, ExitCode, exit_code_for
from telephony_core.cli.session import Session
from telephony_core.emulator import Fault, FaultKind, Response

NUMBER = "07011112222"

EXPECTED = {
    errors.TelephonyError: 1,
    errors.MigrationError: 1,
    errors.ClientClosed: 1,
    errors.NotFound: 3,
    errors.AmbiguousNumber: 4,
    errors.Conflict: 5,
    errors.WrongState: 5,
    errors.OutcomeUnknown: 7,
    errors.AnswerLost: 7,
    errors.InvalidInput: 65,
    errors.InvalidRequest: 65,
    errors.UnsupportedOperation: 65,
    errors.NotSent: 69,
    errors.NoAnswer: 69,
    errors.RateLimited: 69,
    errors.ProviderUnavailable: 69,
    errors.UnexpectedResponse: 76,
    errors.AuthenticationFailed: 77,
    errors.PermissionDenied: 77,
    errors.ConfigurationError: 78,
    errors.ProviderNotFound: 78,
    errors.ProviderConflict: 78,
    errors.ProviderLoadError: 78,
    errors.ContractMismatch: 78,
}


@pytest.mark.parametrize("kind", EXPECTED, ids=lambda kind: kind.__name__)
def test_every_kind_of_error_has_its_exit_code(kind):
    assert exit_code_for(kind("x")) == EXPECTED[kind]


def test_errors_with_facts_of_their_own_have_theirs():
    assert exit_code_for(errors.UnsupportedField("x", field="label")) == 65
    assert exit_code_for(errors.NotAllowed("x", allowance="publishes")) == 8
    partial = errors.PartialOutcome("x", number=None, done=[], failed_step="y", cause=errors.NotFound("z"))
    assert exit_code_for(partial) == 6


def test_every_exit_code_has_a_meaning_and_none_is_used_for_changes_or_usage():
    assert all(code.meaning for code in ExitCode)
    assert {2, 64} & set(BY_ERROR.values()) == set()
    assert ExitCode.CHANGES == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("nubmers",),
        ("numbers", "lits"),
        ("numbers", "show"),
        ("numbers", "list", "--status", "sleeping"),
        ("numbers", "list", "--limit", "0"),
        ("--nonsense",),
        ("numbers", "list", "too", "much"),
    ],
)
def test_usage_errors_end_with_64_and_say_where_to_look(telephony, arguments):
    result = telephony(*arguments)
    assert result.exit_code == 64
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert "--help" in result.stderr


def test_a_mistyped_command_is_guessed(telephony):
    assert "did you mean `telephony numbers`?" in telephony("nubmers").stderr


def test_people_get_the_reason_and_the_next_step(telephony):
    result = telephony("numbers", "show", "07099999999", "-p", "vox")
    first, second = result.stderr.splitlines()
    assert first == "error: vox (client-api.tryvox.co) find_number: no record of +827099999999"
    assert second.startswith("  next: `telephony numbers list -p vox` ")


def test_each_fault_of_one_value_has_a_line_of_its_own(telephony):
    result = telephony("numbers", "import", NUMBER, "-p", "vox", "--address", "a b", "--username", "a:b")
    assert result.exit_code == 65
    first, second, last, _ = result.stderr.splitlines()
    assert (first[:11], second[:12]) == ("--address: ", "--username: ")
    assert last == "error: 2 faults, each on a line above"


@pytest.mark.parametrize(
    ("option", "value"), [("--address", "bad..host"), ("--username", "a:b"), ("--allow-address", "1.2.3")]
)
def test_a_fault_of_a_setting_is_told_by_the_option_that_was_typed(telephony, option, value):
    result = telephony("numbers", "import", NUMBER, "-p", "vox", option, value)
    assert result.exit_code == 65
    assert result.stderr.startswith(f"error: {option}: ")


def test_scripts_get_one_line_of_json_even_for_a_usage_error(telephony):
    error = telephony.error("numbers", "show")
    assert (error["kind"], error["exit_code"]) == ("UsageError", 64)


def test_json_before_the_subcommand_counts_as_well(telephony):
    result = telephony("--json", "numbers", "show", "07099999999", "-p", "vox")
    assert json.loads(result.stderr)["error"]["exit_code"] == 3


def test_a_text_that_only_looks_like_the_option_does_not_count(telephony):
    assert telephony("numbers", "label", NUMBER, "-p", "vox", "--", "--json").stdout.startswith("changed\n")


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(FaultKind.REFUSED, times=9), 69),
        (Fault(FaultKind.ANSWER, times=9, response=Response(503, {}, b"<html>")), 69),
        (Fault(FaultKind.ANSWER, response=Response(429, {"retry-after": "86400"}, b"")), 69),
        (Fault(FaultKind.ANSWER, response=Response(401, {}, b"")), 77),
        (Fault(FaultKind.ANSWER, response=Response(403, {}, b"")), 77),
        (Fault(FaultKind.ANSWER, response=Response(200, {}, b"<html>")), 76),
        (Fault(FaultKind.ANSWER, response=Response(302, {"location": "https://x"}, b"")), 76),
    ],
)
def test_what_the_provider_or_the_network_does_has_its_code(telephony, vox, monkeypatch, fault, code):
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    vox.faults.append(fault)
    assert telephony.error("numbers", "list", "-p", "vox")["exit_code"] == code


def test_a_lost_answer_that_cannot_be_settled_says_how_to_look(telephony, vox):
    vox.faults.append(Fault(FaultKind.LOST_BEFORE, method="DELETE"))
    error = telephony.error("numbers", "release", NUMBER, "-p", "vox", "--yes")
    assert (error["kind"], error["exit_code"]) == ("OutcomeUnknown", 7)
    assert f"telephony numbers show {error['id']}" in error["remedy"]
    assert error["number"]["e164"] == "+827011112222"


def test_a_lost_answer_that_can_be_settled_is_a_success(telephony, vox):
    vox.faults.append(Fault(FaultKind.LOST_AFTER, method="DELETE"))
    assert telephony.json("numbers", "release", NUMBER, "-p", "vox", "--yes")["status"] == "released"


def test_ctrl_c_ends_with_130_and_tells_of_a_write_in_flight(telephony, vox, monkeypatch):
    def interrupted(request):
        if request.method == "DELETE":
            raise KeyboardInterrupt
        return answer(request)

    answer = vox.handle
    monkeypatch.setattr(vox, "handle", interrupted)
    error = telephony.error("numbers", "release", NUMBER, "-p", "vox", "--yes")
    assert (error["kind"], error["exit_code"]) == ("Interrupted", 130)
    assert "was in flight" in error["message"]
    assert f"release of +827011112222 (record {error['id']}) may have happened" in error["message"]
    assert f"`telephony numbers show {error['id']} -p vox`" in error["remedy"]


@pytest.mark.parametrize(("error", "code"), [(RuntimeError("x"), 70), (OSError(28, "No space left on device"), 71)])
def test_whatever_ends_a_write_says_that_it_may_have_happened(telephony, vox, monkeypatch, error, code):
    def failing(request):
        if request.method in ("PATCH", "POST"):
            answer(request)
            raise error
        return answer(request)

    answer = vox.handle
    monkeypatch.setattr(vox, "handle", failing)
    said = telephony.error("numbers", "label", NUMBER, "another", "-p", "vox")
    assert said["exit_code"] == code
    assert "the new label of +827011112222 (record " in said["message"]
    assert "may have happened" in said["message"]
    assert said["remedy"].startswith("look before repeating")


def test_ctrl_c_in_a_read_has_nothing_more_to_say(telephony, vox, monkeypatch):
    def interrupted(_request):
        raise KeyboardInterrupt

    monkeypatch.setattr(vox, "handle", interrupted)
    result = telephony("numbers", "list", "-p", "vox")
    assert (result.exit_code, result.stderr.strip()) == (130, "error: interrupted")


# -- crashes


@pytest.fixture
def crash(telephony, vox, monkeypatch):
    def crash(_request):
        secret_local = "local-canary"  # noqa: F841 - must not be shown
        raise RuntimeError("message-canary emulator-key")

    monkeypatch.setattr(vox, "handle", crash)


@pytest.mark.usefixtures("crash")
def test_a_crash_shows_its_kind_and_place_and_nothing_else(telephony):
    result = telephony("numbers", "list", "-p", "vox")
    assert result.exit_code == 70
    assert "RuntimeError at test_failures.py:" in result.stderr
    assert "canary" not in result.output
    assert "Traceback" not in result.output
    assert "TELEPHONY_DEBUG=1" in result.stderr


@pytest.mark.usefixtures("crash")
def test_a_crash_is_json_with_json(telephony):
    assert telephony.error("numbers", "list", "-p", "vox")["kind"] == "Crash"


@pytest.mark.usefixtures("crash")
def test_debugging_shows_the_traceback_without_locals_and_without_the_key(telephony, monkeypatch):
    monkeypatch.setenv("TELEPHONY_DEBUG", "1")
    result = telephony("numbers", "list", "-p", "vox")
    assert "Traceback" in result.stderr
    assert "message-canary [hidden]" in result.stderr
    assert "local-canary" not in result.stderr.replace('secret_local = "local-canary"', "")
    assert "emulator-key" not in result.stderr


def test_debugging_shows_no_traceback_of_a_usage_error(telephony, monkeypatch):
    monkeypatch.setenv("TELEPHONY_DEBUG", "1")
    assert "Traceback" not in telephony("numbers", "show").stderr


# -- secrets


def test_no_output_holds_a_secret_that_the_provider_quotes_back(telephony, vox, monkeypatch):
    monkeypatch.setenv("PW", 'canary"pass\\word')
    said = {"code": "NO", "message": 'canary"pass\\word, key emulator-key', "details": {"x": 'canary"pass\\word'}}
    body = json.dumps({"error": said}).encode()
    for extra in ((), ("--json",)):
        vox.faults.append(Fault(FaultKind.ANSWER, method="PATCH", response=Response(400, {}, body)))
        result = telephony("sip", "set", NUMBER, "-p", "vox", "--address", "pbx.example.com",
                           "--password", "env:PW", *extra)  # fmt: skip
        assert result.exit_code == 65
        assert "canary" not in result.output
        assert "emulator-key" not in result.output
        assert "[hidden]" in result.output


def test_hide_takes_secrets_out_in_their_json_spelling_too():
    assert failures.hide('a "bc" c', {'"bc"'}) == "a [hidden] c"
    assert failures.hide(json.dumps({"x": '"b"'}), {'"b"'}) == '{"x": "[hidden]"}'


# -- other ends


def test_an_error_of_click_that_is_no_usage_error_is_told_too(capsys):
    assert failures.report(click.ClickException("no such thing"), Session()) == ExitCode.ERROR
    assert capsys.readouterr().err == "error: no such thing\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_shows_its_help(telephony, name):
    result = telephony(name, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: telephony {name}")


@pytest.mark.parametrize("arguments", [(), ("numbers",), ("sip",), ("agents",), ("numbers", "-p", "vox")])
def test_a_group_alone_shows_its_help(telephony, arguments):
    result = telephony(*arguments)
    assert result.exit_code == 0
    assert "Commands:" in result.stdout


def test_the_list_of_commands_says_what_each_command_says_of_itself():
    context = click.Context(app)
    for name, summary in COMMANDS.items():
        command = app.get_command(context, name)
        assert command is not None
        assert (command.help or "").split("\n\n")[0] == summary, name
