"""The log: what changes at INFO, what to look at as WARNING, every request at DEBUG; facts beside the text."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from telephony_core import (
    InvalidRequest,
    NotFound,
    NumberImport,
    OperationObserver,
    OperationStart,
    OutboundUpdate,
    OutcomeUnknown,
    RequestEvent,
    Telephony,
)
from telephony_core.testing import EmulatedAccount

TRUNK = OutboundUpdate(address="pbx.example.com", username="pbx", password="s3cret-canary")
NEW = NumberImport(number="+827099996666", label="Canary", outbound=TRUNK)


@pytest.fixture
def log(caplog):
    caplog.set_level(logging.INFO, "telephony_core")
    return caplog


def facts(record: logging.LogRecord) -> dict[str, object]:
    prefix = "telephony_"
    return {name.removeprefix(prefix): value for name, value in vars(record).items() if name.startswith(prefix)}


def test_a_change_is_one_line_with_its_facts(log):
    with EmulatedAccount("vox") as account:
        number = account.client.import_number(NEW)
    (record,) = log.records
    assert record.levelname == "INFO"
    assert record.getMessage() == f"vox import_number of …6666: done, record {number.id}"
    told = facts(record)
    assert told.pop("seconds") >= 0
    assert told == {
        "provider": "vox",
        "connection": "vox",
        "host": "client-api.tryvox.co",
        "operation": "import_number",
        "outcome": "done",
        "changes": True,
        "number": "…6666",
        "record": number.id,
        "method": "POST",
        "route": "/telephone-numbers/register",
        "status": 201,
        "requests": len(account.emulator.requests),
        "resends": 0,
    }


@pytest.mark.parametrize("breaks", ["handler", "filter"])
def test_a_log_that_breaks_takes_no_result_away(breaks: str):
    def broken(_: logging.LogRecord) -> bool:
        raise RuntimeError("the sink is down")

    class Sink(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            broken(record)

    logger, handler = logging.getLogger("telephony_core"), Sink()
    level = logger.level
    logger.setLevel(logging.DEBUG)
    if breaks == "handler":
        logger.addHandler(handler)
    else:
        logger.addFilter(broken)
    try:
        with EmulatedAccount("vox", faults=["lost_after,method=POST"]) as account:
            number = account.client.import_number(NEW)
            assert account.client.get_number(number.id).label == NEW.label
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
        logger.removeFilter(broken)


def test_a_read_is_no_line(log):
    with EmulatedAccount("vox") as account:
        account.client.find_number("070-1111-2222")
    assert log.records == []


def test_a_connection_of_another_name_is_named(log):
    with EmulatedAccount("vox") as account, Telephony(account.connection("seoul")) as client:
        number = client.find_number("070-1111-2222")
        client.update_label(number, "Desk")
    assert log.messages == [f"vox (seoul) update_label of …2222: done, record {number.id}"]


def test_a_request_that_is_sent_again_is_a_warning(log):
    with EmulatedAccount("vox", size=1, faults=["answer,status=503", "lost_before"]) as account:
        next(account.client.list_numbers())
    assert [record.levelname for record in log.records] == ["WARNING"] * 2
    first, second = log.messages
    assert first.startswith("vox list_numbers: GET /organization-telephone-numbers: HTTP 503; it is sent again after ")
    assert "no answer (NoAnswer)" in second
    told = facts(log.records[0])
    assert (told["status"], told["attempt"], told["operation"]) == (503, 1, "list_numbers")
    assert isinstance(told["waited"], float)
    assert told["changes"] is False
    assert told["seconds"] >= 0


def test_a_lost_answer_and_what_was_adopted_are_warnings(log):
    with EmulatedAccount("vox", faults=["lost_after,method=POST"]) as account:
        number = account.client.import_number(NEW)
    assert [record.levelname for record in log.records] == ["WARNING"] * 2
    assert log.messages == [
        "vox import_number: POST /telephone-numbers/register: no answer (NoAnswer); it is not repeated, and "
        "whether it happened is looked for",
        f"vox import_number of …6666: adopted, record {number.id}",
    ]
    told = facts(log.records[0])
    assert (told["attempt"], told["error"], told["changes"]) == (1, "NoAnswer", True)
    assert told["seconds"] >= 0


def test_an_outcome_that_is_unknown_is_a_warning_and_a_refusal_is_none(log):
    with EmulatedAccount("vox", faults=["lost_before,method=POST"]) as account, pytest.raises(OutcomeUnknown):
        account.client.import_number(NEW)
    assert log.records[-1].levelname == "WARNING"
    assert log.messages[-1] == "vox import_number of …6666: unknown (OutcomeUnknown)"
    log.clear()
    with EmulatedAccount("vox", faults=["answer,method=POST,status=422"]) as account, pytest.raises(InvalidRequest):
        account.client.import_number(NEW)
    assert [(record.levelname, facts(record)["error"]) for record in log.records] == [("INFO", "InvalidRequest")]


def test_at_debug_every_request_is_a_line(caplog):
    caplog.set_level(logging.DEBUG, "telephony_core")
    with EmulatedAccount("retell") as account:
        number = next(account.client.list_numbers())
        account.client.get_number(number.id)
        sent = len(account.emulator.requests)
    lines = [record for record in caplog.records if record.levelname == "DEBUG"]
    assert len(lines) == sent
    assert "get_number: GET /get-phone-number/{id} -> 200 (attempt 1" in caplog.messages[-1]
    assert number.id not in caplog.text
    assert facts(lines[-1])["route"] == "/get-phone-number/{id}"


@pytest.mark.parametrize("slug", ["diga", "elevenlabs", "retell", "vox"])
def test_no_line_holds_a_number_a_label_or_a_secret(slug, caplog):
    caplog.set_level(logging.DEBUG, "telephony_core")
    with EmulatedAccount(slug, faults=["lost_before,times=1", "answer,method=PATCH,status=503"]) as account:
        number = next(
            number for number in account.client.list_numbers() if number.origin == "imported" and number.is_live
        )
        account.client.update_sip(number, outbound=TRUNK)
        account.client.update_label(number, "Jane Canary")
    shown = json.dumps([[record.getMessage(), {**facts(record)}] for record in caplog.records])
    assert len(caplog.records) > 5
    for what in ("anary", "emulator-key", number.identity.raw, (number.identity.e164 or "+x")[1:], "pbx.example.com"):
        assert what not in shown


def test_a_failure_of_what_listens_is_logged_without_the_number_that_it_was_told_of(caplog):
    class Failing(OperationObserver):
        def __call__(self, event: RequestEvent) -> None:
            try:
                raise KeyError("mine")
            except KeyError:
                fail()

        def begun(self, operation: OperationStart):
            return fail

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with EmulatedAccount("vox") as account:
        backend = account.emulator.backend()
        client = Telephony("vox", api_key=account.api_key, backend=backend, observers=[Failing()])
        try:
            client.find_number("+827099990000")
        except NotFound:
            list(client.list_numbers())
    assert set(caplog.messages) == {"vox find_number: an observer failed", "vox list_numbers: an observer failed"}
    assert caplog.text.count("KeyError: 'mine'") > 1, "what was its own is told"
    assert "99990000" not in caplog.text


PROGRAM = """
from telephony_core import InvalidRequest, NumberImport, OutboundUpdate
from telephony_core.testing import EmulatedAccount
trunk = OutboundUpdate(address="pbx.example.com", username="pbx", password="secret")
with EmulatedAccount("vox", faults=["lost_after,method=POST"]) as account:
    account.client.import_number(NumberImport(number="+827099996666", outbound=trunk))
"""


def test_an_application_without_logging_is_not_spoken_to(tmp_path: Path):
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_and_one_with_logging_hears_it(tmp_path: Path):
    code = f"import logging\nlogging.basicConfig(level=logging.INFO)\n{PROGRAM}"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr.count("WARNING:telephony_core:") == 2
