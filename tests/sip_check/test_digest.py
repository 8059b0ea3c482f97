"""Challenges are read as RFC 7616 and RFC 8760 write them, and answered to the letter of their examples."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony_core.errors import InvalidInput
from telephony_core.sip_check import TrunkCredentials
from telephony_core.sip_check.protocol.digest import (
    Challenge,
    algorithms_offered,
    authorize,
    choose,
    digest_response,
    read_challenges,
)

MUFASA = TrunkCredentials(username="Mufasa", password="Circle of Life")


def read_one(text: str) -> Challenge:
    (challenge,) = read_challenges([text])
    return challenge


# --- the published examples ---------------------------------------------------------------------------------------

RFC_7616_NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
RFC_7616_CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616_section_3_9_1_come_out(algorithm: str, response: str) -> None:
    challenge = read_one(
        f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, '
        f'nonce="{RFC_7616_NONCE}", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    answer = digest_response(
        challenge, MUFASA, method="GET", uri="/dir/index.html", cnonce=RFC_7616_CNONCE, count="00000001"
    )
    assert answer == response


def test_the_sha_512_256_example_of_rfc_7616_comes_out_as_erratum_4897_corrects_it() -> None:
    # The RFC itself prints a SHA-512 cut to 256 bits, which is another function than SHA-512/256.
    challenge = read_one(
        'Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, '
        'nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", '
        'opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS", charset=UTF-8, userhash=true'
    )
    answer = digest_response(
        challenge,
        TrunkCredentials(username="Jäsøn Doe", password="Secret, or not?"),
        method="GET",
        uri="/doe.json",
        cnonce="NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
        count="00000001",
    )
    assert answer == "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"


def test_without_qop_the_example_of_rfc_2069_comes_out() -> None:
    # As erratum 749 corrects it.
    challenge = read_one('Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"')
    answer = digest_response(
        challenge,
        TrunkCredentials(username="Mufasa", password="CircleOfLife"),
        method="GET",
        uri="/dir/index.html",
        cnonce="unused",
        count="00000001",
    )
    assert answer == "1949323746fe6a43ef61f9606e7febea"


def test_auth_int_hashes_the_empty_body() -> None:
    challenge = read_one('Digest realm="r", nonce="n", qop="auth-int"')
    empty = hashlib.md5(b"").hexdigest()
    first = hashlib.md5(b"Mufasa:r:Circle of Life").hexdigest()
    second = hashlib.md5(f"REGISTER:sip:h:{empty}".encode()).hexdigest()
    expected = hashlib.md5(f"{first}:n:00000001:c:auth-int:{second}".encode()).hexdigest()
    answer = digest_response(challenge, MUFASA, method="REGISTER", uri="sip:h", cnonce="c", count="00000001")
    assert answer == expected


def test_a_session_algorithm_hashes_the_nonces_into_the_secret() -> None:
    challenge = read_one('Digest realm="r", nonce="n", qop="auth", algorithm=MD5-sess')
    first = hashlib.md5(b"Mufasa:r:Circle of Life").hexdigest()
    session = hashlib.md5(f"{first}:n:c".encode()).hexdigest()
    second = hashlib.md5(b"REGISTER:sip:h").hexdigest()
    expected = hashlib.md5(f"{session}:n:00000001:c:auth:{second}".encode()).hexdigest()
    answer = digest_response(challenge, MUFASA, method="REGISTER", uri="sip:h", cnonce="c", count="00000001")
    assert answer == expected


# --- reading ------------------------------------------------------------------------------------------------------


def test_commas_inside_quotes_do_not_end_a_parameter() -> None:
    challenge = read_one('Digest realm="Seoul, Korea", qop="auth,auth-int" , nonce="a,b"')
    assert (challenge.realm, challenge.qop, challenge.nonce) == ("Seoul, Korea", ("auth", "auth-int"), "a,b")


def test_several_challenges_are_read_from_one_header_and_from_several_in_their_order() -> None:
    challenges = read_challenges(
        [
            'Digest realm="a", nonce="1", algorithm=SHA-256, Digest realm="a", nonce="2"',
            'Basic realm="b"',
            'Digest realm="a", nonce="3", algorithm=SHA-512-256',
        ]
    )
    assert [(c.scheme, c.nonce, c.algorithm) for c in challenges] == [
        ("Digest", "1", "SHA-256"),
        ("Digest", "2", None),
        ("Basic", None, None),
        ("Digest", "3", "SHA-512-256"),
    ]
    assert algorithms_offered(challenges) == ("SHA-256", "MD5", "SHA-512-256")


@pytest.mark.parametrize("text", ["stale=true", "stale=TRUE", 'stale="true"', "Stale = true"])
def test_stale_is_read_in_any_spelling(text: str) -> None:
    assert read_one(f'digest {text}, realm="r", nonce="n"').stale


@pytest.mark.parametrize("text", ["", "stale=false", "stale=1"])
def test_anything_but_true_is_not_stale(text: str) -> None:
    assert not read_one(f'Digest realm="r", nonce="n", {text}').stale


@pytest.mark.parametrize(
    "text",
    [
        'Digest realm="r", nonce="n',
        'Digest realm="r", nonce="n", nonce="m"',
        'Digest realm="r", nonce="n", opaque=',
        'realm="r", nonce="n"',
        'Digest realm="r", nonce="n" "loose"',
        "=",
    ],
)
def test_a_challenge_that_cannot_be_read_for_certain_is_left_out(text: str) -> None:
    assert choose(read_challenges([text])) is None


def test_a_bad_challenge_does_not_take_a_good_one_with_it() -> None:
    challenges = read_challenges(['Digest realm="r", nonce="n', 'Digest realm="r", nonce="good"'])
    chosen = choose(challenges)
    assert chosen is not None
    assert chosen.nonce == "good"


# --- choosing -----------------------------------------------------------------------------------------------------


def test_the_first_challenge_that_can_be_answered_is_chosen() -> None:
    challenges = read_challenges(
        [
            'Bearer realm="r"',
            'Digest realm="r", nonce="1", algorithm=AKAv1-MD5',
            'Digest realm="r", nonce="2", algorithm=MD5, qop="token"',
            'Digest realm="r", algorithm=MD5',
            'Digest realm="r", nonce="4", algorithm=md5',
            'Digest realm="r", nonce="5", algorithm=SHA-256',
        ]
    )
    chosen = choose(challenges)
    assert chosen is not None
    assert chosen.nonce == "4"


def test_auth_is_preferred_to_auth_int_wherever_it_stands() -> None:
    assert read_one('Digest realm="r", nonce="n", qop="auth-int,AUTH"').protection == "auth"


@pytest.mark.parametrize("name", ["realm", "nonce", "opaque"])
def test_a_challenge_whose_echo_would_end_its_header_is_not_answered(name: str) -> None:
    values = {"realm": "r", "nonce": "n", "opaque": "o"} | {name: "x\nEvil: 1"}
    text = "Digest " + ", ".join(f'{key}="{value}"' for key, value in values.items())
    assert choose(read_challenges([text])) is None


# --- answering ----------------------------------------------------------------------------------------------------


def test_the_answer_says_back_what_the_server_said_and_nothing_it_did_not() -> None:
    value = authorize(
        read_one(r'Digest realm="a \"b\"", nonce="n"'), MUFASA, method="REGISTER", uri="sip:h", cnonce="c"
    )
    assert r'realm="a \"b\""' in value
    for absent in ("algorithm", "qop", "nc=", "cnonce", "opaque"):
        assert absent not in value


def test_the_answer_names_algorithm_protection_and_opaque_where_the_server_did() -> None:
    challenge = read_one('Digest realm="r", nonce="n", algorithm=sha-256, qop="auth", opaque=""')
    value = authorize(challenge, MUFASA, method="REGISTER", uri="sip:h", cnonce="c")
    assert 'algorithm=sha-256, qop=auth, nc=00000001, cnonce="c", opaque=""' in value


def test_quotes_in_a_user_name_do_not_end_it() -> None:
    credentials = TrunkCredentials(username='a"b\\c', password="x")
    value = authorize(read_one('Digest realm="r", nonce="n"'), credentials, method="REGISTER", uri="u", cnonce="c")
    assert r'username="a\"b\\c"' in value


printable = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=30)


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@settings(deadline=None)
@given(st.lists(st.tuples(printable, printable, st.sampled_from(["MD5", "SHA-256"])), max_size=4))
def test_whatever_stands_in_quotes_survives_reading(parts: list[tuple[str, str, str]]) -> None:
    text = ", ".join(f"Digest realm={quoted(r)}, nonce={quoted(n)}, algorithm={a}" for r, n, a in parts)
    found = [(f'"{c.realm}"', f'"{c.nonce}"', c.algorithm) for c in read_challenges([text])]
    assert found == [(quoted(r), quoted(n), a) for r, n, a in parts]


@settings(deadline=None)
@given(st.text(st.sampled_from('Digest realm="a",=\\ \tnonce\r\nMD5-x')) | st.text())
def test_no_text_makes_the_reader_raise(text: str) -> None:
    for challenge in read_challenges([text]):
        if challenge.is_usable:
            value = authorize(challenge, MUFASA, method="REGISTER", uri="sip:h", cnonce="c")
            assert "\r" not in value
            assert "\n" not in value


# --- credentials --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given_", [{"username": ""}, {"username": "a:b"}, {"username": "a\r\nb"}, {"password": ""}])
def test_credentials_that_cannot_be_hashed_or_sent_are_refused_without_echo(given_: dict[str, str]) -> None:
    whole = {"username": "tr0ub4dor-user", "password": "tr0ub4dor"} | given_
    with pytest.raises(InvalidInput) as caught:
        TrunkCredentials(**whole)
    assert "tr0ub4dor" not in f"{caught.value}{caught.value!r}"


def test_a_password_is_neither_trimmed_nor_normalised() -> None:
    credentials = TrunkCredentials(username="u", password=" e\u0301 ")
    assert credentials.password.get_secret_value() == " e\u0301 "
