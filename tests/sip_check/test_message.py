"""Requests are what RFC 3261 asks of them, and nothing that comes back can mislead or fill the reader."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony_core.domain.sip_address import SipAddress
from telephony_core.sip_check.protocol.message import (
    Dialog,
    HeadReader,
    HeadTooLarge,
    Method,
    NotSip,
    SipRequest,
    SipResponse,
    TlsInstead,
    address_of_record,
    build_request,
    clean,
    read_message,
)
from telephony_core.sip_check.report import Transport
from tests.sip_check.peer import Heard


def build(
    method: Method = "OPTIONS",
    address: str = "sip:trunk.example.com:5080",
    *,
    transport: Transport = "udp",
    local: tuple[str, int] = ("192.0.2.7", 40000),
    username: str | None = None,
) -> SipRequest:
    return build_request(
        method,
        SipAddress.parse(address),
        dialog=Dialog(),
        transport=transport,
        local=local,
        cseq=1,
        username=username,
    )


def received(request: SipRequest) -> Heard:
    return Heard(request.data)


# --- requests -----------------------------------------------------------------------------------------------------


def test_options_asks_at_the_address_as_it_was_given() -> None:
    request = received(build(address="sip:07011112222@trunk.example.com;transport=tcp;user=phone", transport="tcp"))
    assert request.data.startswith(b"OPTIONS sip:07011112222@trunk.example.com;transport=tcp;user=phone SIP/2.0\r\n")


def test_no_default_port_is_written_into_a_request() -> None:
    assert received(build(address="trunk.example.com")).uri == "sip:trunk.example.com"


def test_register_asks_the_domain_and_names_the_user_in_to_and_from() -> None:
    request = received(build("REGISTER", "sip:vox@trunk.example.com:5080"))
    assert request.uri == "sip:trunk.example.com:5080"
    assert request.header("To") == "<sip:vox@trunk.example.com:5080>"
    assert (request.header("From") or "").startswith("<sip:vox@trunk.example.com:5080>;tag=")


def test_a_user_name_that_is_no_sip_user_is_escaped() -> None:
    request = received(build("REGISTER", "h.example", username="vox@pbx ü"))
    assert request.header("To") == "<sip:vox%40pbx%20%C3%BC@h.example>"


@pytest.mark.parametrize(
    ("address", "username", "record"),
    [
        ("pbx.example.com:5080", "vox", "sip:vox@pbx.example.com:5080"),
        ("pbx.example.com:5080", "vox@carrier.example", "sip:vox@carrier.example"),
        ("pbx.example.com", "a b@carrier.example:5070", "sip:a%20b@carrier.example:5070"),
        ("pbx.example.com", "a@b@carrier.example", "sip:a%40b@carrier.example"),
        ("pbx.example.com", "vox@no domain", "sip:vox%40no%20domain@pbx.example.com"),
        ("pbx.example.com", "@carrier.example", "sip:%40carrier.example@pbx.example.com"),
        ("sips:pbx.example.com", "vox@carrier.example", "sips:vox@carrier.example"),
        ("sip:main@pbx.example.com", "vox@carrier.example", "sip:main@pbx.example.com"),
    ],
)
def test_a_user_name_that_names_its_domain_is_registered_there(address: str, username: str, record: str) -> None:
    assert address_of_record(SipAddress.parse(address), username) == record
    request = received(build("REGISTER", address, username=username, transport="tcp"))
    assert request.header("To") == f"<{record}>"
    assert "carrier" not in request.uri


def test_register_ends_at_once_and_names_only_a_contact_of_its_own() -> None:
    first, second = received(build("REGISTER", username="u")), received(build("REGISTER", username="u"))
    assert first.header("Expires") == "0"
    assert re.fullmatch(r"<sip:sip-check-[0-9a-f]{16}@192\.0\.2\.7:40000>", first.header("Contact") or "")
    assert first.header("Contact") != second.header("Contact")


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_via_names_transport_place_and_a_new_magic_branch(transport: Transport) -> None:
    via = received(build(transport=transport)).header("Via") or ""
    assert re.fullmatch(rf"SIP/2\.0/{transport.upper()} 192\.0\.2\.7:40000;branch=z9hG4bK[0-9a-f]{{24}};rport", via)
    assert via != received(build(transport=transport)).header("Via")


def test_an_ipv6_place_stands_in_brackets_without_its_zone() -> None:
    assert "UDP [fe80::1]:5" in (received(build(local=("fe80::1%eth0", 5))).header("Via") or "")


def test_sips_stays_sips_in_every_uri() -> None:
    request = received(build("REGISTER", "sips:h.example", transport="tls", username="u"))
    assert all("sips:" in (text or "") for text in (request.uri, request.header("To"), request.header("Contact")))


@pytest.mark.parametrize("method", ["OPTIONS", "REGISTER"])
def test_every_mandatory_header_is_there_and_the_head_ends(method: Method) -> None:
    request = build(method, username="u")
    for name in ("Via", "Max-Forwards", "From", "To", "Call-ID", "CSeq", "Contact", "Content-Length"):
        assert received(request).header(name)
    assert request.data.endswith(b"Content-Length: 0\r\n\r\n")


# --- replies ------------------------------------------------------------------------------------------------------


def reply(request: SipRequest, **changes: str) -> SipResponse:
    message = read_message(received(request).reply(200, "OK", **changes))
    assert message is not None
    return message


def test_a_mirrored_reply_answers_its_request() -> None:
    request = build()
    assert reply(request).answers(request)


@pytest.mark.parametrize(
    "change",
    [
        {"call_id": "somebody-else"},
        {"cseq": "2 OPTIONS"},
        {"cseq": "1 REGISTER"},
        {"cseq": ""},
        {"via": "SIP/2.0/UDP 192.0.2.7:40000;branch=z9hG4bKother"},
        {"via": "SIP/2.0/UDP 192.0.2.7:40000"},
    ],
)
def test_a_reply_to_another_request_answers_nothing(change: dict[str, str]) -> None:
    request = build()
    assert not reply(request, **change).answers(request)


def test_compact_and_folded_headers_are_understood() -> None:
    message = read_message(b"SIP/2.0 200 OK\r\ni: abc\r\nV: SIP/2.0/UDP h\r\n ;branch=z9hG4bK1\r\nl: 0\r\n\r\n")
    assert message is not None
    assert message.first("call-id") == "abc"
    assert message.first("via") == "SIP/2.0/UDP h ;branch=z9hG4bK1"


def test_a_reply_without_a_reason_is_a_reply() -> None:
    message = read_message(b"SIP/2.0 486\r\n\r\n")
    assert message is not None
    assert (message.status, message.reason) == (486, "")


def test_a_request_of_the_peer_is_not_a_reply() -> None:
    assert read_message(b"NOTIFY sip:x@192.0.2.7 SIP/2.0\r\n\r\n") is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"SIP/2.0 999 No\r\n\r\n",
        b"SIP/3.0 200 OK\r\n\r\n",
        b"\xff" * 9,
    ],
)
def test_what_is_no_sip_is_told(data: bytes) -> None:
    with pytest.raises(NotSip):
        read_message(data)


@settings(deadline=None)
@given(st.binary(max_size=300) | st.binary(max_size=200).map(lambda tail: b"SIP/2.0 200 OK\r\n" + tail))
def test_no_bytes_make_the_reader_raise_anything_but_not_sip(data: bytes) -> None:
    try:
        message = read_message(data)
    except NotSip:
        return
    if message is not None:
        assert not message.answers(build())


def _reply(request: SipRequest, **changes: str) -> str:
    return received(request).reply(200, "OK", **changes).decode()


ODD: dict[str, Callable[[SipRequest], str]] = {
    "bare LF": lambda request: _reply(request).replace("\r\n", "\n"),
    "LF and CRLF mixed": lambda request: _reply(request).replace("\r\n", "\n", 3),
    "only the last line end is LF": lambda request: _reply(request).removesuffix("\r\n\r\n") + "\n\n",
    "zeros in CSeq": lambda request: _reply(request, cseq="0000000001 OPTIONS"),
    "blanks and a tab in CSeq": lambda request: _reply(request, cseq=" 1 \t OPTIONS "),
    "folded CSeq": lambda request: _reply(request, cseq="1\r\n OPTIONS"),
    "method in another case": lambda request: _reply(request, cseq="1 options"),
    "branch in another case": lambda request: _reply(request).replace(request.branch, request.branch.upper()),
    "names in another case": lambda request: _reply(request).replace("Call-ID:", "CALL-id :").replace("Via:", "vIA:"),
    "compact names": lambda request: _reply(request).replace("Call-ID:", "i:").replace("Via:", "v:"),
    "a tab in the status line": lambda request: _reply(request).replace("SIP/2.0 200 OK", "SIP/2.0\t200\tOK"),
    "two Via on one line": lambda request: _reply(
        request, via=f"{received(request).header('Via')}, SIP/2.0/UDP 203.0.113.9;branch=z9hG4bKother"
    ),
    "keep-alives before it": lambda request: "\r\n\r\n\r\n" + _reply(request),
    "keep-alives in LF before it": lambda request: "\n\n" + _reply(request),
    "a zero byte before it": lambda request: "\0" + _reply(request),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_a_reply_is_ours_however_it_is_spelt(odd: Callable[[SipRequest], str]) -> None:
    request = build()
    data = odd(request).encode()
    message = read_message(data)
    assert message is not None
    assert message.answers(request)
    reader = HeadReader(4096)
    for index in range(len(data)):
        assert reader.next() is None
        reader.feed(data[index : index + 1])
    head = reader.next()
    assert head is not None
    streamed = read_message(head)
    assert streamed is not None
    assert streamed.answers(request)


@pytest.mark.parametrize(
    "cseq", ["2 OPTIONS", "10 OPTIONS", "1 REGISTER", "1", "OPTIONS", "", "-1 OPTIONS", "1 2 OPTIONS"]
)
def test_another_cseq_is_another_request(cseq: str) -> None:
    request = build()
    message = read_message(_reply(request, cseq=cseq).encode())
    assert message is not None
    assert not message.answers(request)


# --- the byte stream ----------------------------------------------------------------------------------------------

MESSAGES = [
    b"SIP/2.0 100 Trying\r\nContent-Length: 0\r\n\r\n",
    b"SIP/2.0 200 OK\r\nl: 12\r\n\r\n",
    b"SIP/2.0 404 Not Found\r\n\r\n",
]
BODIES = [b"", b"v=0\r\n\r\no=-\r\n", b""]


@settings(deadline=None)
@given(st.lists(st.integers(0, 140), max_size=8))
def test_heads_are_found_wherever_the_stream_is_cut(cuts: list[int]) -> None:
    stream = b"\r\n\r\n" + b"".join(head + body[:12] for head, body in zip(MESSAGES, BODIES, strict=True))
    reader = HeadReader(1000)
    found: list[bytes] = []
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    for start, end in pairwise(edges):
        reader.feed(stream[start:end])
        while (head := reader.next()) is not None:
            found.append(head)
    assert found == MESSAGES


def test_a_head_at_the_limit_is_read_and_one_byte_more_is_refused() -> None:
    def head(size: int) -> bytes:
        start, end = b"SIP/2.0 200 OK\r\nX: ", b"\r\n\r\n"
        return start + b"a" * (size - len(start) - len(end)) + end

    reader = HeadReader(4096)
    reader.feed(head(4096))
    assert reader.next() == head(4096)
    reader.feed(head(4097))
    with pytest.raises(HeadTooLarge):
        reader.next()


def test_a_body_is_thrown_away_as_it_comes() -> None:
    reader = HeadReader(4096)
    reader.feed(b"SIP/2.0 200 OK\r\nContent-Length: 9999999\r\n\r\n")
    assert reader.next() is not None
    for _ in range(100):
        reader.feed(b"x" * 4096)
        assert reader.next() is None
    assert not reader.in_message


@pytest.mark.parametrize("length", ["-1", "1e9", "9" * 5000, "x", ""])
def test_a_length_that_is_none_breaks_nothing(length: str) -> None:
    reader = HeadReader(64 * 1024)
    reader.feed(f"SIP/2.0 200 OK\r\nContent-Length: {length}\r\n\r\n".encode())
    assert reader.next() is not None


@pytest.mark.parametrize("data", [b"\r", b"\r\n", b"\r\n\r\n", b"\n\n", b"\0", b"\r\n\r\n\r"])
def test_a_keep_alive_is_no_message_that_began(data: bytes) -> None:
    reader = HeadReader(4096)
    reader.feed(data)
    assert reader.next() is None
    assert not reader.in_message


@pytest.mark.parametrize("data", [b"SSH-2.0-OpenSSH_9.2\r\n", b"220 mail ESMTP\n", b"x" * 3000])
def test_another_protocol_is_told_by_its_first_line(data: bytes) -> None:
    reader = HeadReader(64 * 1024)
    reader.feed(data)
    with pytest.raises(NotSip):
        reader.next()


def test_a_tls_alert_is_told_from_other_garbage() -> None:
    reader = HeadReader(4096)
    reader.feed(b"\x15\x03\x01\x00\x02\x02\x46")
    with pytest.raises(TlsInstead):
        reader.next()


# --- showing ------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.text(max_size=400))
def test_what_is_shown_is_printable_and_short(text: str) -> None:
    shown = clean(text)
    assert shown.isprintable()
    assert len(shown) <= 201
    shown.encode()


def test_terminal_and_direction_marks_do_not_survive() -> None:
    assert clean("a\x1b[31mb\u202ec\udc80") == "a?[31mb?c?"
