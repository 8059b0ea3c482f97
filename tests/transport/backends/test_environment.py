"""What the environment says and cannot be used is an error that names the variable, before anything is sent."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from telephony_core.cli.exit_codes import ExitCode, exit_code_for
from telephony_core.errors import ConfigurationError
from tests.transport.backends.senders import OWN, Sender
from tests.transport.loopback import always, certificate, reply, serving

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these are files as POSIX has them")


def _text(folder: Path) -> Path:
    file = folder / "text.pem"
    file.write_text("no certificate")
    return file


def _circle(folder: Path) -> Path:
    """What nobody can open, not even root, whom no mode keeps out."""
    link = folder / "circle.pem"
    link.symlink_to(link)
    return link


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


NAMED: dict[str, Callable[[Path], object]] = {
    "SSL_CERT_FILE: nothing": lambda folder: folder / "nothing.pem",
    "SSL_CERT_FILE: a folder": lambda folder: folder,
    "SSL_CERT_FILE: no PEM": _text,
    "SSL_CERT_FILE: empty": lambda folder: (folder / "empty").touch() or folder / "empty",
    "SSL_CERT_FILE: a device without end": lambda folder: "/dev/zero",
    "SSL_CERT_FILE: an empty device": lambda folder: "/dev/null",
    "SSL_CERT_FILE: a pipe": _pipe,
    "SSL_CERT_FILE: a link in a circle": _circle,
    "SSL_CERT_FILE: below a file": lambda folder: _text(folder) / "x",
    "SSL_CERT_DIR: nothing": lambda folder: folder / "nothing",
    "SSL_CERT_DIR: a file": _text,
    "SSL_CERT_DIR: a device": lambda folder: "/dev/null",
    "SSL_CERT_DIR: one of two is nothing": lambda folder: f"{folder}{os.pathsep}{folder / 'nothing'}",
    "SSLKEYLOGFILE: a folder": lambda folder: folder,
    "SSLKEYLOGFILE: in no folder": lambda folder: folder / "nothing" / "keys",
    "SSLKEYLOGFILE: a full device": lambda folder: "/dev/full",
    "SSLKEYLOGFILE: a pipe": _pipe,
    "SSLKEYLOGFILE: a link in a circle": _circle,
}


@pytest.mark.parametrize("named", NAMED)
@pytest.mark.parametrize("kind", OWN)
def test_what_cannot_be_used_is_named(
    kind: str, named: str, tmp_path: Path, make: Callable[[str], Sender], monkeypatch: pytest.MonkeyPatch
):
    variable = named.partition(":")[0]
    monkeypatch.setenv(variable, str(NAMED[named](tmp_path)))
    with serving(always(reply()), tls=True) as server:
        with pytest.raises(ConfigurationError, match=variable) as caught:
            make(kind).send(server)
        assert server.visits == 0
    assert exit_code_for(caught.value) is ExitCode.CONFIGURATION


@pytest.mark.parametrize("kind", OWN)
def test_keys_are_logged_where_that_is_asked_for(
    kind: str, tmp_path: Path, make: Callable[[str], Sender], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate()))
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    with serving(always(reply()), tls=True) as server:
        assert make(kind).send(server).status == 200
    assert (tmp_path / "keys").read_text()


@pytest.mark.parametrize("kind", OWN)
def test_plain_http_asks_for_no_certificates(
    kind: str, tmp_path: Path, make: Callable[[str], Sender], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nothing.pem"))
    with serving(always(reply())) as server:
        assert make(kind).send(server).status == 200
