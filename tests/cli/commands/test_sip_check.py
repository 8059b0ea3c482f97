"""`telephony sip check`: which trunk is checked, how it ends, and that no password is given or shown."""

from __future__ import annotations

import json
import socket

import pytest

from examples.demo.sip_peer import local_peer
from telephony_retell.emulator import RetellEmulator

CANARY = "tr4nk-c4nary"


def test_a_trunk_that_answers_passes(telephony):
    with local_peer() as address:
        result = telephony("sip", "check", address, "--transport", "udp")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{address}")
    assert "200 OK" in result.stdout
    assert "does not prove" in result.stdout


def test_json_is_the_report_and_nothing_else(telephony):
    with local_peer() as address:
        report = json.loads(telephony("sip", "check", address, "--transport", "udp", "--json").stdout)
    assert report["verdict"] == "PASS"
    assert report["steps"][-1]["observation"]["server"] == "telephony demo"
    assert report["vantage_point"]["host"]


def test_a_closed_port_fails(telephony):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    result = telephony("sip", "check", address, "--transport", "tcp")
    assert result.exit_code == 9


def test_silence_is_inconclusive(telephony):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        result = telephony("sip", "check", address, "--transport", "udp", "--timeout", "0.2")
    assert result.exit_code == 10


def test_the_trunk_of_a_number_is_checked(telephony, diga):
    with local_peer() as address:
        trunk = {"termination_uri": address, "username": "acme"}
        diga.add(number="+34600111222", telephony_provider="custom", sip_config=trunk)
        result = telephony("sip", "check", "-p", "diga", "+34 600 11 12 22", "--transport", "udp")
    assert result.exit_code == 0, result.output


def test_the_trunk_of_a_number_is_checked_over_the_transport_that_its_provider_uses(telephony, monkeypatch):
    retell = RetellEmulator(api_key="emulator-key")
    monkeypatch.setenv("TELEPHONY_RETELL_API_KEY", retell.api_key)
    telephony.emulators = {"retell": retell}
    with local_peer() as address:  # which answers over UDP, and Retell comes over TCP
        trunk = {"termination_uri": address}
        retell.add(phone_number="+14155550199", phone_number_type="custom", sip_outbound_trunk_config=trunk)
        result = telephony("sip", "check", "-p", "retell", "+14155550199")
    assert result.exit_code == 9, result.output
    assert f"sip:{address};transport=tcp: FAIL" in result.stdout


def test_a_number_without_a_trunk_is_refused(telephony):
    result = telephony("sip", "check", "-p", "diga", "+34911234567")
    assert result.exit_code == 64
    assert "no trunk address" in result.stderr


def test_an_address_that_cannot_be_read_fails_without_being_repeated(telephony):
    result = telephony("sip", "check", f"sip:u:{CANARY}@pbx.example.com")
    assert result.exit_code == 9
    assert CANARY not in result.output


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("h.example", "--register"), "--username is missing"),
        (("h.example", "--register", "--username", "u"), "--password is missing"),
        (("h.example", "--password", "env:X"), "--register"),
        (("h.example", "--id"), "-p"),
        (("h.example", "--transport", "sctp"), "sctp"),
        (("h.example", "--password", CANARY), "never given as an argument"),
    ],
)
def test_a_wrong_command_line_is_refused(telephony, arguments, word):
    result = telephony("sip", "check", *arguments)
    assert result.exit_code == 64
    assert word in result.stderr
    assert CANARY not in result.output


def test_a_ca_file_without_certificates_is_refused(telephony, tmp_path):
    (tmp_path / "ca.pem").write_text("nothing")
    result = telephony("sip", "check", "h.example", "--ca-file", str(tmp_path / "ca.pem"))
    assert result.exit_code == 64


def test_credentials_are_tried_by_reference(telephony, monkeypatch):
    monkeypatch.setenv("TRUNK_PASSWORD", CANARY)
    with local_peer() as address:
        result = telephony(
            "sip", "check", address, "--transport", "udp", "--register", "--username", "u",
            "--password", "env:TRUNK_PASSWORD", "--timeout", "1",
        )  # fmt: skip
    assert result.exit_code == 10  # the peer answers OPTIONS only
    assert CANARY not in result.output
