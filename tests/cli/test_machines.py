"""Options and files that nobody can mean: each ends with a typed error, and none with a crash or a request."""

from __future__ import annotations

import pytest

NESTED = "[" * 20_000
DIGITS = "9" * 5000
TRUNK = ("--address", "sip:pbx.example.com:5060")


@pytest.mark.parametrize("amount", ["nan", "-nan", "inf", "-inf", "1e400", "1e308", "-1", DIGITS])
@pytest.mark.parametrize(
    "words",
    [
        ("sip", "check", "192.0.2.1", "--timeout"),
        ("migrate", "plan", "x.json", "--to", "vox", "-o", "y.json", "--timeout"),
        ("migrate", "plan", "x.json", "--to", "vox", "-o", "y.json", "--soak-hours"),
    ],
)
def test_an_amount_that_cannot_be_meant_is_a_usage_error(telephony, vox, words, amount):
    result = telephony(*words[:-1], f"{words[-1]}={amount}")
    assert result.exit_code == 64
    assert vox.requests == []


@pytest.mark.parametrize("count", ["1e9", "nan", "-1", "²", "99999999999999999999", DIGITS])
@pytest.mark.parametrize(
    "words",
    [
        ("numbers", "list", "-p", "vox", "--limit"),
        ("numbers", "available", "-p", "vox", "--limit"),
        ("migrate", "plan", "x.json", "--to", "vox", "-o", "y.json", "--concurrency"),
        ("emulate", "--port-base"),
    ],
)
def test_a_count_that_cannot_be_meant_is_a_usage_error(telephony, vox, words, count):
    assert telephony(*words[:-1], f"{words[-1]}={count}").exit_code == 64
    assert vox.requests == []


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e400", NESTED, DIGITS])
def test_an_option_of_a_provider_is_read_as_json_and_no_further(telephony, vox, value):
    option = f"vox.no_authentication={value}"
    result = telephony("numbers", "import", "07011110000", "-p", "vox", *TRUNK, "--check", "--option", option)
    assert result.exit_code == 65
    assert "no_authentication" in result.stdout
    assert vox.requests == []


@pytest.mark.parametrize("number", [f"+{DIGITS}", DIGITS, f"sip:{DIGITS}@x"])
def test_a_number_of_any_length_is_refused_with_the_reason(telephony, vox, number):
    assert telephony("numbers", "show", number, "-p", "vox").exit_code == 65
    assert vox.requests == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_list_of_numbers_is_read_with_a_byte_order_mark(moving, encoding):
    moving.inventory()
    moving.map()
    (moving.folder / "list.txt").write_bytes("07011110000\r\n".encode(encoding))
    plan = ("migrate", "plan", "vox.json", "--to", "diga", "--map", "map.toml", "-o", "p.json")
    made = moving.telephony(*plan, "--numbers", "@list.txt")
    assert made.exit_code == 0, made.stderr
    assert "Move 1 of 3 numbers" in made.stdout


@pytest.mark.parametrize("data", ["07011110000\n".encode("utf-16"), b"\xf1\n"], ids=["utf-16", "latin-1"])
def test_a_list_in_another_encoding_says_what_to_do(moving, data):
    moving.inventory()
    (moving.folder / "list.txt").write_bytes(data)
    result = moving.telephony("migrate", "plan", "vox.json", "--to", "diga", "-o", "p.json", "--numbers", "@list.txt")
    assert result.exit_code == 64
    assert "save it as UTF-8" in result.stderr
    assert not (moving.folder / "p.json").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("numbers", "label", "07011112222", "x"),
        ("numbers", "release", "07011112222", "--yes"),
        ("numbers", "revoke-release", "07011112222"),
        ("agents", "assign", "07011112222", "--none-inbound"),
    ],
    ids=lambda arguments: arguments[1],
)
def test_errors_of_a_write_name_the_connection_and_its_host(telephony, vox, monkeypatch, tmp_path, arguments):
    file = tmp_path / "config.toml"
    file.write_text('[connections.kr-prod]\nprovider = "vox"\napi_key = "env:WRONG"\n')
    monkeypatch.setenv("WRONG", "wrong-key")
    said = telephony(*arguments, "-p", "kr-prod", "--config", str(file)).stderr
    assert said.startswith("error: kr-prod (vox at client-api.tryvox.co) ")
    error = telephony.error(*arguments, "-p", "kr-prod", "--config", str(file))
    assert (error["connection"], error["provider"], error["host"]) == ("kr-prod", "vox", "client-api.tryvox.co")
