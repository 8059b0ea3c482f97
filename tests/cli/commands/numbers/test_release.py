"""`telephony numbers release` and `revoke-release`: what is asked, what is said to be lost, and what is deleted."""

from __future__ import annotations

from datetime import UTC, datetime

from telephony_core import NumberIdentity, NumberStatus, Origin, PhoneNumber, Release
from telephony_core.cli.commands.numbers.release import consequences, outcome
from telephony_core.provider.registry import registry
from tests.cli.commands.seeded import BOUGHT, MAIN_LINE, SPANISH_MOBILE, live_id


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


def test_release_that_unpublishes_agents_has_to_be_allowed_by_name(telephony, diga):
    error = telephony.error("numbers", "release", SPANISH_MOBILE, "-p", "diga", "--yes")
    assert (error["kind"], error["allowance"]) == ("NotAllowed", "unpublishes")
    assert error["remedy"] == "say --allow unpublishes if that is meant"
    assert "DELETE" not in {call.method for call in diga.requests}
    released = telephony.json("numbers", "release", SPANISH_MOBILE, "-p", "diga", "--yes", "--allow", "unpublishes")
    assert released["status"] == "released"
    assert released["id"] not in diga.store


def test_a_scheduled_release_can_be_revoked_by_the_number(telephony, vox):
    assert telephony.json("numbers", "revoke-release", "0515551234", "-p", "vox")["status"] == "active"
    assert vox.store[live_id(vox, "0515551234")]["status"] == "active"


def test_revoking_where_the_provider_cannot_is_refused_without_a_request(telephony, diga):
    error = telephony.error("numbers", "revoke-release", "+34931234567", "-p", "diga")
    assert (error["kind"], error["exit_code"]) == ("UnsupportedOperation", 65)
    assert diga.requests == []


# -- the question


def test_release_asks_and_says_what_is_lost_when_and_whether_it_can_be_revoked(telephony, vox, at_terminal):
    at_terminal()
    result = telephony("numbers", "release", BOUGHT, "-p", "vox", stdin="y\n")
    assert result.exit_code == 0
    assert "Lost: the record" in result.stderr
    assert vox.agents["reception"] in result.stderr
    assert "end of the period" in result.stderr
    assert "can be revoked until then" in result.stderr
    assert "revoke-release" in result.stdout
    assert vox.store[record_of(vox, BOUGHT)]["status"] == "cancel_requested"


def test_release_of_an_imported_number_says_that_it_is_final_and_takes_the_trunk_along(telephony, vox, at_terminal):
    at_terminal()
    result = telephony("numbers", "release", MAIN_LINE, "-p", "vox", stdin="n\n")
    assert "trunk settings (sip:trunk.example.com:5060)" in result.stderr
    assert "at once, and it cannot be revoked" in result.stderr
    assert vox.store[live_id(vox, "07011112222")]["status"] == "active"


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


# -- what is said of it


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


def test_to_release_a_linked_number_is_said_to_unlink_it(elevenlabs):
    assert elevenlabs.json("numbers", "show", "+12025550105", "-p", "elevenlabs")["origin"] == "linked"
    said = consequences(number_of(origin=Origin.LINKED), registry.spec("elevenlabs").capabilities, "here")
    assert any("unlinks it: it stays at its carrier" in line for line in said)
    assert "It takes effect at once" in said[-1]
    done = elevenlabs("numbers", "release", "+12025550105", "-p", "elevenlabs", "--yes").stdout
    assert "+12025550105 is unlinked; it is still at its carrier" in done


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
