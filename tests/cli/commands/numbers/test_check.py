"""`--check` of every command that writes: all problems, and nothing sent."""

from __future__ import annotations

from tests.cli.commands.seeded import BOUGHT, MAIN_LINE, SPANISH_MOBILE


def test_check_prints_every_problem_and_sends_nothing(telephony, vox):
    result = telephony("numbers", "import", "+34612345678", "-p", "vox", "--inbound-encryption", "require", "--check")
    assert result.exit_code == 65
    assert [line.split(":")[1].strip() for line in result.stdout.splitlines()] == [
        "number", "inbound.media_encryption", "outbound.address",
    ]  # fmt: skip
    assert vox.requests == []


def test_check_of_a_change_that_nothing_stands_against_ends_well(telephony, vox, diga):
    commands = (
        ("numbers", "label", MAIN_LINE, "x", "-p", "vox"),
        ("numbers", "release", BOUGHT, "-p", "vox"),
        ("numbers", "revoke-release", BOUGHT, "-p", "vox"),
        ("agents", "assign", MAIN_LINE, "--inbound-agent", "a", "--agent-version", "published", "-p", "vox"),
        ("sip", "set", SPANISH_MOBILE, "--address", "pbx.example.com", "-p", "diga"),
    )
    for command in commands:
        assert telephony.json(*command, "--check") == []
        assert "no problem, as far as can be known" in telephony(*command, "--check").stdout
    assert vox.requests == diga.requests == []


def test_check_tells_warnings_and_ends_well(telephony, diga):
    (problem,) = telephony.json("sip", "set", SPANISH_MOBILE, "-p", "diga", "--allow-any", "--check")
    assert (problem["severity"], problem["field"]) == ("warning", "inbound.allowed_addresses")
    assert diga.requests == []


def test_a_warning_is_said_on_stderr_before_the_write(telephony):
    result = telephony("sip", "set", SPANISH_MOBILE, "-p", "diga", "--allow-any", "--json")
    assert '{"warning": {"message": "inbound.allowed_addresses:' in result.stderr.splitlines()[0]
