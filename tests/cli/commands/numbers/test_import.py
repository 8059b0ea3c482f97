"""`telephony numbers import`: what is sent, and what is refused before anything is."""

from __future__ import annotations

from telephony_core import PhoneNumber
from tests.cli.commands.seeded import MAIN_LINE


def test_import_prints_the_number_that_was_made(telephony, vox):
    made = telephony.json("numbers", "import", "070-8888-0001", "-p", "vox", "--address", "pbx.example.com:5060",
                          "--label", "신규", "--option", "vox.no_authentication=true")  # fmt: skip
    assert PhoneNumber.model_validate(made).identity.e164 == "+827088880001"
    assert vox.store[made["id"]]["memo"] == "신규"
    assert vox.store[made["id"]]["address"] == "sip:pbx.example.com:5060"


def test_import_sends_credentials_that_were_only_referred_to(telephony, vox, monkeypatch):
    monkeypatch.setenv("TRUNK_PASSWORD", "pa55word-of-the-trunk")
    made = telephony.json("numbers", "import", "07088880002", "-p", "vox", "--address", "pbx.example.com",
                          "--username", "acme", "--password", "env:TRUNK_PASSWORD")  # fmt: skip
    kept = vox.credentials(made["id"])
    assert (kept.username, kept.password) == ("acme", "pa55word-of-the-trunk")


def test_import_assigns_the_agents_with_the_version_that_was_said(telephony, vox):
    made = telephony.json("numbers", "import", "07088880003", "-p", "vox", "--address", "pbx.example.com",
                          "--inbound-agent", vox.agents["reception"], "--inbound-version", "published",
                          "--outbound-agent", vox.agents["sales"], "--outbound-version", "v2")  # fmt: skip
    assert made["inbound_agent"] == {"agent_id": vox.agents["reception"], "version": "published"}
    assert made["outbound_agent"] == {"agent_id": vox.agents["sales"], "version": "v2"}


def test_import_of_an_agent_without_its_version_is_a_usage_error(telephony, vox):
    error = telephony.error("numbers", "import", "07088880004", "-p", "vox", "--address", "pbx.example.com",
                            "--inbound-agent", vox.agents["reception"])  # fmt: skip
    assert error["exit_code"] == 64
    assert "published, draft" in error["message"]
    assert vox.requests == []


def test_import_whose_agent_cannot_be_assigned_is_partial_and_says_which_record_exists(telephony, vox):
    error = telephony.error("numbers", "import", "07088880005", "-p", "vox", "--address", "pbx.example.com",
                            "--inbound-agent", "00000000-0000-4000-8000-000000000000",
                            "--inbound-version", "published")  # fmt: skip
    assert (error["kind"], error["exit_code"]) == ("PartialOutcome", 6)
    assert error["failed_step"] == "assign_agents"
    assert error["number"]["id"] in vox.store
    assert error["cause"]["kind"] == "InvalidRequest"


def test_import_of_a_number_that_is_there_is_a_conflict(telephony, vox):
    error = telephony.error("numbers", "import", MAIN_LINE, "-p", "vox", "--address", "pbx.example.com")
    assert (error["kind"], error["exit_code"]) == ("Conflict", 5)
    assert [call.method for call in vox.requests if call.method != "GET"] == []


def test_import_of_a_number_of_the_wrong_country_is_refused_without_a_request(telephony, vox):
    error = telephony.error("numbers", "import", "+34612345678", "-p", "vox", "--address", "pbx.example.com")
    assert (error["kind"], error["exit_code"]) == ("UnsupportedField", 65)
    assert vox.requests == []


def test_import_without_e164_goes_only_as_it_is(telephony, vox):
    arguments = ("numbers", "import", "140002", "-p", "vox", "--address", "pbx.example.com")
    assert "--send-as-is" in telephony.error(*arguments)["remedy"]
    made = telephony.json(*arguments, "--send-as-is")
    assert vox.store[made["id"]]["number"] == "140002"


def test_import_with_half_a_credential_pair_is_refused_without_a_request(telephony, vox):
    error = telephony.error("numbers", "import", "07088880006", "-p", "vox", "--address", "pbx.example.com",
                            "--username", "acme")  # fmt: skip
    assert (error["kind"], error["exit_code"]) == ("InvalidInput", 65)
    assert vox.requests == []


def test_import_tells_every_problem_at_once(telephony, vox):
    error = telephony.error("numbers", "import", "+34612345678", "-p", "vox", "--inbound-encryption", "require")
    assert error["kind"] == "ChangeRefused"
    assert [problem["field"] for problem in error["problems"]] == [
        "number", "inbound.media_encryption", "outbound.address",
    ]  # fmt: skip
    assert vox.requests == []


def test_an_option_of_another_provider_is_a_usage_error(telephony, vox):
    error = telephony.error("numbers", "import", "07088880007", "-p", "vox", "--address", "pbx.example.com",
                            "--option", "diga.anything=1")  # fmt: skip
    assert error["exit_code"] == 64
    assert vox.requests == []


def test_an_option_that_is_no_pair_is_a_usage_error_that_does_not_repeat_it(telephony):
    error = telephony.error("numbers", "import", "07088880007", "-p", "vox", "--option", "hunter2")
    assert error["exit_code"] == 64
    assert "hunter2" not in str(error)


def test_an_unknown_option_of_the_provider_is_refused_by_its_own_model(telephony):
    error = telephony.error("numbers", "import", "07088880007", "-p", "vox", "--address", "pbx.example.com",
                            "--option", "vox.teleport=yes")  # fmt: skip
    assert error["exit_code"] == 65
    assert "no_authentication" in error["remedy"]


def test_an_import_without_an_allow_list_has_to_say_that_everybody_may_call_in(telephony, diga):
    words = ("numbers", "import", "+34699000055", "-p", "diga", "--address", "pbx.example.com")
    error = telephony.error(*words)
    assert (error["kind"], error["exit_code"], error["allowance"]) == ("NotAllowed", 8, "allow_any")
    assert "--allow-any" in error["remedy"]
    assert [call.method for call in diga.requests if call.method != "GET"] == []
    assert telephony.json(*words, "--allow-any")["sip"]["inbound"]["allowed_addresses"] == []


def test_people_are_told_every_problem_in_a_line_of_its_own(telephony):
    result = telephony("numbers", "import", "+34612345678", "-p", "vox", "--inbound-encryption", "require")
    assert result.exit_code == 65
    assert [line.split(": ")[:2] for line in result.stderr.splitlines()[:-1]] == [
        ["error", "number"],
        ["error", "inbound.media_encryption"],
        ["error", "outbound.address"],
    ]
    assert "this has 3 problems" in result.stderr.splitlines()[-1]
