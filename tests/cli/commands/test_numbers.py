"""`telephony numbers …` against the emulators: what is printed, what is sent, and what is refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from telephony_core import NumberIdentity, NumberStatus, Origin, PhoneNumber, Release, Telephony
from telephony_core.cli.commands.numbers.release import consequences, outcome
from telephony_core.provider.registry import registry
from telephony_elevenlabs.emulator import ElevenLabsEmulator
from tests.cli.conftest import Command

MAIN_LINE = "+827011112222"
"""vox: imported, active, one live record."""
SPANISH_MOBILE = "+34612345678"
"""Diga: imported, active, with agents."""
BOUGHT = "07012345678"
"""vox: purchased, active."""


def live_id(emulator, number):
    (record,) = [each for each in emulator.records() if each["number"] == number and each["status"] != "expired"]
    return record["id"]


# -- list


def test_list_prints_one_array_of_the_models_own_json(telephony, vox):
    with Telephony("vox", backend=vox.backend()) as client:
        expected = [number.model_dump(mode="json") for number in client.list_numbers()]
    assert telephony.json("numbers", "list", "-p", "vox") == expected


def test_list_shows_every_status(telephony):
    for provider in ("vox", "diga"):
        statuses = {record["status"] for record in telephony.json("numbers", "list", "-p", provider)}
        assert statuses >= {"pending", "active", "release_scheduled", "released"}


def test_list_can_be_narrowed_by_status_and_origin(telephony):
    records = telephony.json("numbers", "list", "-p", "diga", "--status", "active", "--origin", "imported")
    assert records
    assert {(record["status"], record["origin"]) for record in records} == {("active", "imported")}


def test_list_stops_at_the_limit(telephony):
    assert len(telephony.json("numbers", "list", "-p", "vox", "--limit", "2")) == 2


def test_an_empty_list_is_an_empty_array_and_a_note_for_people(telephony, vox):
    for record in vox.records():
        vox.store.remove(record["id"])
    assert telephony.json("numbers", "list", "-p", "vox") == []
    result = telephony("numbers", "list", "-p", "vox")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no such numbers" in result.stderr


def test_a_list_that_breaks_off_prints_nothing_on_stdout(telephony, vox):
    from telephony_core.emulator import Fault, FaultKind, Response

    vox.faults.append(Fault(FaultKind.ANSWER, skip=1, response=Response(403, {}, b"{}")))
    assert telephony.error("numbers", "list", "-p", "vox")["kind"] == "PermissionDenied"


def test_a_list_says_that_records_could_not_be_read_completely(telephony, vox):
    vox.add(number="07099990000", status="hibernating")
    result = telephony("numbers", "list", "-p", "vox")
    assert "unknown (hibernating)" in result.stdout
    assert result.stderr.startswith("warning: 1 of them")


# -- show


def test_show_takes_a_number_in_any_spelling_or_an_id(telephony, vox):
    wanted = live_id(vox, "07011112222")
    for argument in (MAIN_LINE, "070-1111-2222", "070 1111 2222", "(070)11112222", "tel:+827011112222", wanted):
        assert telephony.json("numbers", "show", argument, "-p", "vox")["id"] == wanted


def test_show_prefers_the_live_record_of_a_number(telephony, vox):
    assert telephony.json("numbers", "show", "07055556666", "-p", "vox")["id"] == live_id(vox, "07055556666")


def test_show_of_a_number_that_is_only_released_shows_that_record(telephony):
    assert telephony.json("numbers", "show", "0641234567", "-p", "vox")["status"] == "released"


def test_show_of_a_number_with_two_live_records_names_both(telephony, vox):
    first, second = live_id(vox, "07011112222"), vox.add(number="07011112222")
    error = telephony.error("numbers", "show", MAIN_LINE, "-p", "vox")
    assert (error["kind"], error["exit_code"]) == ("AmbiguousNumber", 4)
    assert {candidate["id"] for candidate in error["candidates"]} == {first, second}


def test_show_of_an_unknown_number_is_not_found(telephony):
    error = telephony.error("numbers", "show", "070-9999-9999", "-p", "vox")
    assert (error["kind"], error["exit_code"]) == ("NotFound", 3)
    assert "telephony numbers list" in error["remedy"]


def test_show_of_a_sip_identifier_finds_it(telephony):
    assert telephony.json("numbers", "show", "2001@pbx.example.com", "-p", "diga")["identity"]["kind"] == "sip_id"


def test_show_for_people_says_what_is_known(telephony):
    result = telephony("numbers", "show", SPANISH_MOBILE, "-p", "diga")
    facts = dict(line.split("  ", 1) for line in result.stdout.splitlines())
    assert facts["number"].strip() == SPANISH_MOBILE
    assert facts["inbound from"].strip() == "192.0.2.10, 198.51.100.0/24"
    assert facts["outbound credentials"].strip() == "set"


# -- import


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


# -- label


def test_label_renames_and_prints_the_number(telephony, vox):
    assert telephony.json("numbers", "label", MAIN_LINE, "Front desk", "-p", "vox")["label"] == "Front desk"
    assert vox.store[live_id(vox, "07011112222")]["memo"] == "Front desk"


def test_label_can_be_cleared(telephony, vox):
    assert telephony.json("numbers", "label", MAIN_LINE, "--clear", "-p", "vox")["label"] is None
    assert vox.store[live_id(vox, "07011112222")]["memo"] is None


def test_label_needs_a_text_or_clear_and_not_both(telephony, vox):
    assert telephony("numbers", "label", MAIN_LINE, "-p", "vox").exit_code == 64
    assert telephony("numbers", "label", MAIN_LINE, "x", "--clear", "-p", "vox").exit_code == 64
    assert vox.requests == []


def test_a_label_that_is_too_long_is_refused_without_a_request(telephony, vox):
    error = telephony.error("numbers", "label", MAIN_LINE, "x" * 201, "-p", "vox")
    assert (error["kind"], error["exit_code"]) == ("InvalidInput", 65)
    assert vox.requests == []


def test_a_write_to_a_number_of_another_origin_is_refused_after_reading_it(telephony, vox):
    error = telephony.error("numbers", "label", BOUGHT, "x", "-p", "vox")
    assert (error["kind"], error["operation"]) == ("UnsupportedOperation", "update_label")
    assert {call.method for call in vox.requests} == {"GET"}


def test_a_write_demands_exactly_one_live_record(telephony, vox):
    vox.add(number="07011112222")
    assert telephony.error("numbers", "label", MAIN_LINE, "x", "-p", "vox")["exit_code"] == 4


def test_a_write_to_a_number_that_is_only_released_is_in_the_wrong_state(telephony, vox):
    error = telephony.error("numbers", "label", "0641234567", "x", "-p", "vox")
    assert (error["kind"], error["exit_code"]) == ("WrongState", 5)
    assert any_id(vox, "0641234567") in error["message"]


def any_id(emulator, number):
    return next(record["id"] for record in emulator.records() if record["number"] == number)


def test_a_write_to_a_number_released_twice_is_in_the_wrong_state_too(telephony, vox):
    vox.add(number="0641234567", status="expired")
    error = telephony.error("numbers", "label", "0641234567", "x", "-p", "vox")
    assert (error["kind"], error["exit_code"]) == ("WrongState", 5)


# -- release and its revocation


def test_release_prints_when_it_takes_effect_and_whether_it_can_be_revoked(telephony, vox):
    released = telephony.json("numbers", "release", BOUGHT, "-p", "vox", "--yes")
    assert released["status"] == "release_scheduled"
    assert released["revocable"] is True
    assert released["takes_effect_at"].endswith("Z")
    assert vox.store[released["id"]]["status"] == "cancel_requested"


def test_release_without_a_terminal_needs_yes(telephony, vox):
    error = telephony.error("numbers", "release", BOUGHT, "-p", "vox")
    assert (error["kind"], error["exit_code"], error["allowance"]) == ("NotAllowed", 8, "yes")
    assert "--yes" in error["remedy"]
    assert "DELETE" not in {call.method for call in vox.requests}


def test_release_asks_and_says_what_is_lost_when_and_whether_it_can_be_revoked(telephony, vox, at_terminal):
    at_terminal()
    result = telephony("numbers", "release", BOUGHT, "-p", "vox", stdin="y\n")
    assert result.exit_code == 0
    assert "Lost: the record" in result.stderr
    assert vox.agents["reception"] in result.stderr
    assert "end of the period" in result.stderr
    assert "can be revoked until then" in result.stderr
    assert "revoke-release" in result.stdout


def test_release_of_an_imported_number_says_that_it_is_final_and_takes_the_trunk_along(telephony, at_terminal):
    at_terminal()
    result = telephony("numbers", "release", MAIN_LINE, "-p", "vox", stdin="n\n")
    assert "trunk settings (sip:trunk.example.com:5060)" in result.stderr
    assert "at once, and it cannot be revoked" in result.stderr


def test_a_release_that_is_declined_changes_nothing(telephony, vox, at_terminal):
    at_terminal()
    for answer in ("n\n", "\n", ""):
        result = telephony("numbers", "release", BOUGHT, "-p", "vox", stdin=answer)
        assert result.exit_code == 8
        assert result.stdout == ""
    assert "DELETE" not in {call.method for call in vox.requests}


def while_asked(vox, monkeypatch, **changes):
    """Let something happen to the record between the first question and its answer, which is yes."""
    asked = []

    def confirm(question, **_options):
        if not asked and changes:
            vox.store.edit(record_of(vox, BOUGHT), changes)
        asked.append(question)
        return True

    monkeypatch.setattr("click.confirm", confirm)
    return asked


def record_of(vox, number):
    return next(id for id in vox.store if vox.store[id]["number"] == number)


def test_the_question_names_number_record_connection_and_host(telephony, vox, at_terminal, monkeypatch):
    at_terminal()
    asked = while_asked(vox, monkeypatch)
    result = telephony("numbers", "release", BOUGHT, "-p", "vox")
    assert result.exit_code == 0
    assert asked == ["Release +827012345678 at vox (client-api.tryvox.co)?"]
    assert f"the record {record_of(vox, BOUGHT)}" in result.stderr


def test_a_record_that_changed_while_somebody_was_asked_is_shown_and_asked_again(
    telephony, vox, at_terminal, monkeypatch
):
    at_terminal()
    asked = while_asked(vox, monkeypatch, memo="the emergency line")
    result = telephony("numbers", "release", BOUGHT, "-p", "vox")
    assert result.exit_code == 0
    assert len(asked) == 2
    assert "it has changed since it was shown" in result.stderr
    assert "the emergency line" in result.stderr


def test_a_record_that_is_of_another_number_by_now_is_not_released(telephony, vox, at_terminal, monkeypatch):
    at_terminal()
    while_asked(vox, monkeypatch, number="07099997777")
    result = telephony("numbers", "release", BOUGHT, "-p", "vox")
    assert result.exit_code == 5
    assert "is of +827099997777 now; nothing was released" in result.stderr
    assert "DELETE" not in {call.method for call in vox.requests}


def test_release_that_unpublishes_agents_has_to_be_allowed_by_name(telephony, diga):
    error = telephony.error("numbers", "release", SPANISH_MOBILE, "-p", "diga", "--yes")
    assert (error["kind"], error["allowance"]) == ("NotAllowed", "unpublishes")
    assert error["remedy"] == "say --allow unpublishes if that is meant"
    assert "DELETE" not in {call.method for call in diga.requests}
    released = telephony.json("numbers", "release", SPANISH_MOBILE, "-p", "diga", "--yes", "--allow", "unpublishes")
    assert released["status"] == "released"


def test_a_scheduled_release_can_be_revoked_by_the_number(telephony, vox):
    assert telephony.json("numbers", "revoke-release", "0515551234", "-p", "vox")["status"] == "active"


def test_revoking_where_the_provider_cannot_is_refused_without_a_request(telephony, diga):
    error = telephony.error("numbers", "revoke-release", "+34931234567", "-p", "diga")
    assert (error["kind"], error["exit_code"]) == ("UnsupportedOperation", 65)
    assert diga.requests == []


# -- numbers for sale


def test_available_prints_an_array_of_lines(telephony):
    lines = telephony.json("numbers", "available", "-p", "vox", "--sort-by", "monthly_fee", "--descending")
    fees = [int(line["monthly_fee"]["amount"]) for line in lines]
    assert fees == sorted(fees, reverse=True)
    assert len(fees) > 3


def test_available_for_people_is_a_table(telephony):
    result = telephony("numbers", "available", "-p", "vox", "--line-type", "mobile")
    assert [line.split() for line in result.stdout.splitlines()][1][:4] == ["+821077770004", "mobile", "11000", "KRW"]


def test_available_where_nothing_is_sold_is_refused(telephony):
    assert telephony.error("numbers", "available", "-p", "diga")["kind"] == "UnsupportedOperation"


# -- checking


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
        ("agents", "assign", MAIN_LINE, "--inbound", "a", "--version", "published", "-p", "vox"),
        ("sip", "set", SPANISH_MOBILE, "--address", "pbx.example.com", "-p", "diga"),
    )
    for command in commands:
        assert telephony.json(*command, "--check") == []
        assert "no problem, as far as can be known" in telephony(*command, "--check").stdout
    assert vox.requests == diga.requests == []


def test_check_tells_warnings_and_ends_well(telephony):
    (problem,) = telephony.json("sip", "set", SPANISH_MOBILE, "-p", "diga", "--allow-any", "--check")
    assert problem["severity"] == "warning"


def test_a_warning_is_said_on_stderr_before_the_write(telephony):
    result = telephony("sip", "set", SPANISH_MOBILE, "-p", "diga", "--allow-any", "--json")
    assert '{"warning": {"message": "inbound.allowed_addresses:' in result.stderr.splitlines()[0]


def test_every_status_of_the_model_can_be_listed(telephony):
    for status in NumberStatus:
        assert telephony("numbers", "list", "-p", "vox", "--status", status.value).exit_code == 0


# -- what people are told


def test_people_are_told_every_problem_in_a_line_of_its_own(telephony):
    result = telephony("numbers", "import", "+34612345678", "-p", "vox", "--inbound-encryption", "require")
    assert result.exit_code == 65
    assert [line.split(": ")[:2] for line in result.stderr.splitlines()[:-1]] == [
        ["error", "number"],
        ["error", "inbound.media_encryption"],
        ["error", "outbound.address"],
    ]
    assert "this has 3 problems" in result.stderr.splitlines()[-1]


def test_people_are_told_which_fields_could_not_be_read(telephony, vox):
    vox.add(number="07099990009", address="sip:///nonsense")
    assert "could not be read: address:" in telephony("numbers", "show", "07099990009", "-p", "vox").stdout


def number_of(**fields):
    return PhoneNumber(provider="acme", id="n-1", identity=NumberIdentity.parse("+34911234567", region="ES"), **fields)


def test_a_release_without_declared_terms_says_that_nobody_knows():
    said = consequences(
        number_of(origin=Origin.UNKNOWN), registry.spec("diga").capabilities, "es-prod (diga at diga.example)"
    )
    assert "not declared" in said[-1]


def test_a_release_of_a_number_without_trunk_or_agents_loses_the_record():
    said = consequences(
        number_of(origin=Origin.PURCHASED), registry.spec("diga").capabilities, "es-prod (diga at diga.example)"
    )
    assert "  Lost: the record n-1." in said


@pytest.fixture
def elevenlabs(monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("TELEPHONY_ELEVENLABS_API_KEY", "emulator-key")
    return Command({"elevenlabs": ElevenLabsEmulator(api_key="emulator-key")})


def test_to_release_a_linked_number_is_said_to_unlink_it(elevenlabs):
    assert elevenlabs.json("numbers", "show", "+12025550105", "-p", "elevenlabs")["origin"] == "linked"
    said = consequences(number_of(origin=Origin.LINKED), registry.spec("elevenlabs").capabilities, "here")
    assert any("unlinks it: it stays at its carrier" in line for line in said)
    assert "It takes effect at once" in said[-1]
    done = elevenlabs("numbers", "release", "+12025550105", "-p", "elevenlabs", "--yes").stdout
    assert "+12025550105 is unlinked; it is still at its carrier" in done


def test_show_says_where_the_carrier_has_to_send_calls(elevenlabs, telephony):
    own = elevenlabs("numbers", "show", "+12025550101", "-p", "elevenlabs").stdout
    assert re.search(r"send inbound calls to +sip:\+12025550101@sip\.rtc\.elevenlabs\.io:5060;transport=tcp", own)
    assert "send inbound calls to" not in elevenlabs("numbers", "show", "+12025550105", "-p", "elevenlabs").stdout
    at_diga = telephony("numbers", "show", SPANISH_MOBILE, "-p", "diga").stdout
    assert re.search(r"send inbound calls to +sip\.diga\.io\n", at_diga)
    assert "send inbound calls to" not in telephony("numbers", "show", "070-1111-2222", "-p", "vox").stdout


def test_an_outcome_is_a_sentence():
    identity = NumberIdentity.parse("+34911234567", region="ES")

    def said(status, **facts):
        return outcome(Release(provider="acme", id="n-1", identity=identity, status=status, **facts))

    assert said(NumberStatus.RELEASED, revocable=False) == "+34911234567 is released"
    when = datetime(2026, 12, 1, tzinfo=UTC)
    scheduled = said(NumberStatus.RELEASE_SCHEDULED, takes_effect_at=when, revocable=True)
    assert scheduled.startswith("+34911234567 will be released (2026-12-01 00:00:00 UTC)")
    assert "revoke-release n-1" in scheduled
    assert "does not say when" in said(NumberStatus.UNKNOWN, revocable=False)


# -- who may call in


def test_an_import_without_an_allow_list_has_to_say_that_everybody_may_call_in(telephony, diga):
    words = ("numbers", "import", "+34699000055", "-p", "diga", "--address", "pbx.example.com")
    error = telephony.error(*words)
    assert (error["kind"], error["exit_code"], error["allowance"]) == ("NotAllowed", 8, "allow_any")
    assert "--allow-any" in error["remedy"]
    assert [call.method for call in diga.requests if call.method != "GET"] == []
    assert telephony.json(*words, "--allow-any")["sip"]["inbound"]["allowed_addresses"] == []


@pytest.mark.parametrize(
    "dress", ["(+34) 612 34 56 78", "0034 612 345 678", "+34\u00a0612\u2011345\u2011678", "６１２３４５６７８"]
)
def test_a_number_in_another_dress_is_found(telephony, diga, dress):
    assert telephony.json("numbers", "show", dress, "-p", "diga")["identity"]["e164"] == "+34612345678"


@pytest.mark.parametrize("text", ["+34 612 345 678 ext. 5", "9" * 10_000, "+34 FLOWERS"])
def test_what_cannot_be_meant_is_no_missing_record(telephony, diga, text):
    error = telephony.error("numbers", "show", text, "-p", "diga")
    assert error["kind"] == "InvalidInput"
    assert diga.requests == []


def test_a_named_connection_never_takes_the_key_of_the_environment(telephony, monkeypatch, tmp_path):
    (tmp_path / "c.toml").write_text('[connections.kr-prod]\nprovider = "vox"\n')
    monkeypatch.setenv("TELEPHONY_VOX_API_KEY", "k3y")
    error = telephony.error("numbers", "list", "-p", "kr-prod", "--config", str(tmp_path / "c.toml"))
    assert error["kind"] == "ConfigurationError"
    assert "connection 'kr-prod': there is no API key" in error["message"]


# -- remembered numbers


@pytest.fixture
def remembered(monkeypatch, tmp_path):
    file = tmp_path / "numbers.sqlite3"
    monkeypatch.setenv("TELEPHONY_NUMBER_INDEX", str(file))
    return file


def listings(emulator) -> int:
    return sum(
        call.method == "GET" and call.path.endswith("/organization-telephone-numbers") for call in emulator.requests
    )


def test_a_remembered_number_is_read_by_its_id(telephony, vox, remembered):
    telephony.json("numbers", "show", "07055556666", "-p", "vox", "--fresh")
    assert listings(vox) > 0
    before = listings(vox)
    shown = telephony.json("numbers", "show", "07055556666", "-p", "vox")
    assert (shown["id"], listings(vox)) == (live_id(vox, "07055556666"), before)
    telephony.json("numbers", "show", "07055556666", "-p", "vox", "--fresh")
    assert listings(vox) > before
    assert remembered.stat().st_mode & 0o777 == 0o600


def test_what_is_not_remembered_is_listed_before_it_is_not_found(telephony, vox, remembered):
    telephony.json("numbers", "show", "07055556666", "-p", "vox")
    vox.add(number="07011110000")
    assert telephony.json("numbers", "show", "07011110000", "-p", "vox")["identity"]["e164"] == "+827011110000"


def test_what_is_to_be_changed_is_never_taken_from_memory(telephony, vox, remembered):
    telephony.json("numbers", "show", "07055556666", "-p", "vox")
    vox.add(number="07055556666")
    assert telephony("numbers", "label", "07055556666", "x", "-p", "vox").exit_code == 4


def test_a_file_that_cannot_be_trusted_ends_the_command(telephony, remembered):
    remembered.write_bytes(b"something else" * 100)
    remembered.chmod(0o600)
    error = telephony.error("numbers", "show", "07055556666", "-p", "vox")
    assert (error["kind"], error["exit_code"]) == ("ConfigurationError", 78)
    assert str(remembered) in error["message"]


def test_a_clock_that_was_set_back_is_said(telephony, remembered):
    import sqlite3

    telephony.json("numbers", "show", "07055556666", "-p", "vox")
    with sqlite3.connect(remembered) as connection:
        connection.execute("UPDATE file SET seen_at = 9e9")
    connection.close()
    shown = telephony("numbers", "show", "07055556666", "-p", "vox")
    assert shown.exit_code == 0
    assert "clock was set back" in shown.stderr
