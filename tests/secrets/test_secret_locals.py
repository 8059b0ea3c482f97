"""No secret stands as plain text in a variable of ours when an error leaves: crash reporters record those."""

from __future__ import annotations

import asyncio
import io
import json
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from telephony_core import (
    Connection,
    Connections,
    InboundUpdate,
    NumberImport,
    OutboundUpdate,
    SipUpdate,
    Telephony,
    TelephonyError,
)
from telephony_core.cli.parameters.password import read_password
from telephony_core.cli.session import Session
from telephony_core.domain.number_identity import NumberIdentity
from telephony_core.domain.sip_address import SipAddress
from telephony_core.errors import ConfigurationError, InvalidInput
from telephony_core.migration.mapping.map_file import reference_problem
from telephony_core.migration.plan.model import Trunk
from telephony_core.migration.run.secret_resolver import SecretResolver, SecretsOfThisProcess
from telephony_core.provider.port import ProviderConfig
from telephony_core.secrets.references import read_secret
from tests.provider.toy import SPEC, ToyServer

CANARY = "c4nary-" + "in-a-frame"
BAD = {
    "a line break": f"{CANARY}\n2",
    "a byte order mark": f"\ufeff{CANARY}",
    "a zero-width space": f"{CANARY}\u200b",
    "a non-breaking blank": f"{CANARY}\u00a0",
    "a direction mark": f"\u202e{CANARY}",
    "a control character": f"{CANARY}\x00",
}


def shown(error: BaseException) -> str:
    """The error as a crash reporter renders it: the whole chain, with every variable of our frames."""
    text, links = "", [error]
    while links:
        link = links.pop()
        rendered = traceback.TracebackException.from_exception(link, capture_locals=True, compact=False)
        for frame in rendered.stack:
            if "telephony_core" in Path(frame.filename).parts or "site-packages" in frame.filename:
                text += f"{frame.name} {frame.locals}\n"
        text += f"{link} {link!r} {link.args} {vars(link)}\n"
        links += [each for each in (link.__cause__, link.__context__) if each is not None]
    return text


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(TelephonyError) as caught:
        call()
    return shown(caught.value)


def test_a_secret_in_a_frame_would_be_seen() -> None:
    def leak(password: str) -> None:
        raise TelephonyError("no", remedy="hide it")

    leak.__code__ = leak.__code__.replace(co_filename="/x/telephony_core/leak.py")
    with pytest.raises(AssertionError):
        assert CANARY not in refused(lambda: leak(CANARY))


def _constructors() -> Iterator[tuple[str, Callable[[str], object]]]:
    yield "OutboundUpdate", lambda bad: OutboundUpdate(username="u", password=bad)
    yield "OutboundUpdate, SecretStr", lambda bad: OutboundUpdate(username="u", password=SecretStr(bad))
    yield "model_validate", lambda bad: OutboundUpdate.model_validate({"username": "u", "password": bad})
    yield "model_validate_json", lambda bad: OutboundUpdate.model_validate_json(json.dumps({"password": bad}))
    yield "model_copy", lambda bad: OutboundUpdate(username="u").model_copy(update={"password": bad})
    yield "an unknown field", lambda bad: OutboundUpdate(password=bad, nothing=1)
    yield "a password as a user name", lambda bad: OutboundUpdate(username=f":{bad}")
    yield "an address", lambda bad: OutboundUpdate(address=f"sip:front:{bad}@pbx.example.com")
    yield "SipAddress.parse", lambda bad: SipAddress.parse(f"sip:front:{bad}@pbx.example.com")
    yield "NumberImport", lambda bad: NumberImport(number="1", outbound={"password": bad})
    yield "half of a pair", lambda _bad: NumberImport(number="1", outbound=OutboundUpdate(password=CANARY))
    yield (
        "consent within an import",
        lambda _bad: NumberImport(
            number="1",
            outbound={"username": "u", "password": CANARY},
            inbound={"allowed_addresses": []},
        ),
    )
    yield "a number with a password", lambda bad: NumberImport(number=f"sip:front:{bad}@pbx.example.com")
    yield "ProviderConfig", lambda bad: ProviderConfig(api_key=bad, base_url="https://h.example")
    yield "a wrong setting", lambda _bad: ProviderConfig(api_key=CANARY, base_url="h", nothing=CANARY)
    yield "Telephony", lambda bad: Telephony(SPEC, api_key=bad, base_url="https://h.example")
    yield "Telephony, a wrong URL", lambda _bad: Telephony(SPEC, api_key=CANARY, base_url="nowhere")
    yield "a key in a query", lambda _bad: Telephony(SPEC, api_key="k", base_url=f"https://h.example/?key={CANARY}")
    yield "Connection", lambda bad: Connection(provider="toy", api_key=bad).config(SPEC)
    yield (
        "Connection, a wrong setting",
        lambda _bad: Connection(provider="toy", api_key="x", settings={"token": CANARY}).config(SPEC),
    )
    yield "not a reference", lambda bad: read_secret(bad, what="password")
    yield "a prompt", lambda bad: read_secret("prompt:", what="password", prompt=lambda _what: bad)
    yield (
        "a vault",
        lambda bad: asyncio.run(
            SecretResolver(SecretsOfThisProcess(lambda _what: bad)).reveal(
                Trunk(name="t", auth="digest", username="u", password="prompt:")
            )
        ),
    )


@pytest.mark.parametrize("bad", list(BAD.values()), ids=list(BAD))
@pytest.mark.parametrize(("name", "call"), [pytest.param(*each, id=each[0]) for each in _constructors()])
def test_whoever_refuses_a_secret_holds_it_in_no_variable(name: str, call: Callable[[str], object], bad: str) -> None:
    text = refused(lambda: call(bad))
    assert CANARY not in text, name


@pytest.mark.parametrize("bad", list(BAD.values())[:-1], ids=list(BAD)[:-1])
def test_a_variable_with_a_bad_secret_is_named_and_its_value_shown_nowhere(
    bad: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUNK_PASSWORD", bad)
    text = refused(lambda: read_secret("env:TRUNK_PASSWORD", what="SIP password"))
    assert "SIP password: the environment variable TRUNK_PASSWORD" in text
    assert CANARY not in text
    monkeypatch.setenv("TELEPHONY_TOY_API_KEY", bad)
    text = refused(lambda: Connection(provider="toy").config(SPEC))
    assert "TELEPHONY_TOY_API_KEY" in text
    assert CANARY not in text


@pytest.mark.parametrize("bad", list(BAD.values()), ids=list(BAD))
def test_a_file_with_a_bad_secret_is_named_and_its_content_shown_nowhere(bad: str, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(bad, encoding="utf-8")
    text = refused(lambda: read_secret(f"file:{file}", what="SIP password"))
    assert f"SIP password: the file {file}" in text
    assert CANARY not in text


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("source", ["file", "stdin"])
def test_utf_16_is_refused_with_the_reason(
    encoding: str, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "password"
    file.write_text(CANARY, encoding=encoding)
    if source == "file":
        text = refused(lambda: read_secret(f"file:{file}", what="SIP password"))
    else:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(file.read_bytes())))
        text = refused(lambda: read_password("-", Session()))
    assert "is UTF-16 text" in text
    assert CANARY not in text
    assert CANARY[:5] not in text


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_one_line_break_at_the_end_of_a_file_or_a_pipe_is_dropped(
    end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "password"
    file.write_bytes(f"pässword{end}".encode())
    assert read_secret(f"file:{file}", what="p").get_secret_value() == "pässword"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(file.read_bytes())))
    piped = read_password("-", Session())
    assert piped is not None
    assert piped.get_secret_value() == "pässword"


def test_what_is_too_long_for_a_secret_is_told_as_that(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes(bytes(70_000))  # a device of zeros would pass for UTF-16
    assert "has more than 65536 bytes" in refused(lambda: read_secret(f"file:{file}", what="p"))


@pytest.mark.parametrize("reference", ["env:PBX", "FILE:/run/secrets/pbx", "prompt:"])
def test_a_reference_that_nobody_read_is_no_password(reference: str) -> None:
    with pytest.raises(InvalidInput, match="password: is a reference to a secret, not the secret"):
        OutboundUpdate(address="pbx.example.com", username="u", password=reference)


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"\xff\xfea\x00", b"a\xffb", b"a\n\n", b"x" * 70_000, b"\xef\xbb\xbfa"]
)
def test_a_file_that_holds_no_password_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    assert str(file) in refused(lambda: read_secret(f"file:{file}", what="p"))


@pytest.mark.parametrize(
    "text",
    [
        f"[connections.a]\nprovider = 'toy'\napi_key = '{CANARY}'\nnothing = 1",
        f"[connections.a]\nprovider = 'toy'\napi_key = ['{CANARY}']",
        f"[connections.a]\napi_key = '{CANARY}'",
        f"[connections.a]\nprovider = 'toy'\napi_key = '{CANARY}'\n[other]\nx = 1",
        f"[connections.a]\nprovider = 'toy'\napi_key = '{CANARY}'\n[connections.b]\nprovider = 1",
        f"[connections.a]\nprovider = 'toy'\napi_key = '{CANARY}'\n[connections.a.settings]\ntoken = '{CANARY}'\nx",
    ],
)
def test_a_file_of_connections_that_is_refused_shows_no_key(text: str, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    assert CANARY not in refused(lambda: Connections.load(file))


def test_a_write_that_is_refused_before_any_request_shows_no_password() -> None:
    trunk = OutboundUpdate(address="h.example", username="u", password=CANARY, media_encryption="require")
    client = Telephony(SPEC, api_key="k3y", base_url="https://toy.example", backend=ToyServer())
    change = NumberImport(number="+827011112222", inbound=InboundUpdate(allow_any=True), outbound=trunk)
    assert CANARY not in refused(lambda: client.import_number(change))
    assert CANARY not in refused(lambda: client.update_sip("", outbound=trunk))
    assert CANARY not in f"{client.check(SipUpdate('id', outbound=trunk))}"
    assert CANARY not in refused(lambda: client.find_number(f"sip:front:{CANARY}@[pbx.example.com"))
    assert NumberIdentity.parse("1", region="KR").raw == "1"


@pytest.mark.parametrize("expanded", ["s3cr3t-Pass-99", "hunter2", "A=B", "hunter 2", "p/ss.w0rd"])
def test_a_secret_that_a_shell_put_in_the_place_of_a_variable_s_name_is_not_repeated(expanded):
    for kind in ("env", "file"):
        with pytest.raises(ConfigurationError) as caught:
            read_secret(f"{kind}:{expanded}", what="SIP password")
        assert expanded not in str(caught.value)
        assert expanded not in str(reference_problem(f"{kind}:{expanded}"))


def test_a_name_in_capitals_is_repeated(monkeypatch):
    monkeypatch.delenv("TRUNK_PASSWORD", raising=False)
    with pytest.raises(ConfigurationError, match="TRUNK_PASSWORD is not set"):
        read_secret("env:TRUNK_PASSWORD", what="SIP password")
