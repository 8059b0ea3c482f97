"""Text that a person saved: UTF-8 with or without a mark is read, anything else says what it is and what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from telephony_core import ConfigurationError, MigrationError
from telephony_core.text.reading import decode, parse_json, parse_toml, read_text


@pytest.mark.parametrize("data", ["본사\n".encode(), "본사\n".encode("utf-8-sig")], ids=["plain", "mark"])
def test_utf_8_is_read_and_a_mark_counts_for_nothing(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    assert read_text(tmp_path / "x", what="the list") == "본사\n"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("a = 1".encode("utf-16"), "saved as UTF-16"),
        ("a = 1".encode("utf-16-be"), "NUL"),
        ("a = 1".encode("utf-32"), "saved as UTF-16"),
        ("x\ny = 'ñ'".encode("latin-1"), "not UTF-8 text, at line 2"),
    ],
)
def test_another_encoding_is_named_with_what_to_do_and_without_the_content(data: bytes, reason: str) -> None:
    with pytest.raises(MigrationError, match=reason) as caught:
        decode(data, what="the map m.toml", refused=MigrationError)
    assert "save it as UTF-8" in str(caught.value)
    assert "= 1" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/nonexistent/x", "No such file"),
        ("/tmp", "directory"),
        ("/dev/zero", "does not end"),
        ("~nobody-has-this-name/x", "no such path"),
        ("a\0b", "no such path"),
        ("x" * 300, "too long"),
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="paths of POSIX")
def test_what_is_no_file_is_one_kind_of_error(path: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        read_text(path, what="the file")


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "-Infinity", "1e400", "9" * 5000, "[" * 100_000, "{"])
def test_json_that_nobody_means_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
        parse_json(text)


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "a = " + "9" * 5000, "a = ", "a = 1979-99-99"])
def test_toml_that_nobody_means_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        parse_toml(text)


def test_what_is_meant_is_read() -> None:
    assert parse_json('{"a": [1, 2.5, "본"]}') == {"a": [1, 2.5, "본"]}
    assert parse_toml("a = 1") == {"a": 1}
