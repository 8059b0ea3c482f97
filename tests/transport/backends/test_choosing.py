"""A backend is chosen by name, and only its library is imported."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import httpx
import httpx2
import pytest

from telephony_core import AsyncTelephony, Telephony
from telephony_core.errors import ConfigurationError, InvalidInput
from tests.provider.toy import SPEC
from tests.transport.backends.senders import KEY


def given(backend: str) -> dict[str, Any]:
    return {"api_key": KEY, "base_url": "https://toy.example", "backend": backend}


def test_backends_are_chosen_by_name():
    with Telephony(SPEC, **given("urllib3")) as sync:
        assert sync.backend_name == "urllib3"
    assert AsyncTelephony(SPEC, **given("aiohttp")).backend_name == "aiohttp"
    for name in ("httpx", "httpx2"):
        with Telephony(SPEC, **given(name)) as sync:
            assert sync.backend_name == name
        assert AsyncTelephony(SPEC, **given(name)).backend_name == name


@pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda library: library.__name__)
def test_a_client_of_either_library_is_taken(library: Any):
    answers = library.MockTransport(lambda request: library.Response(200, json={"id": request.url.path[-1]}))
    with library.Client(transport=answers) as http, Telephony(SPEC, **given(""), http_client=http) as client:
        assert client.backend_name == library.__name__
    with pytest.raises(InvalidInput, match="use AsyncTelephony"):
        Telephony(SPEC, **given(""), http_client=library.AsyncClient(transport=answers))
    with pytest.raises(InvalidInput, match="AsyncClient"):
        AsyncTelephony(SPEC, **given(""), http_client=http)
    ahttp = library.AsyncClient(transport=answers)
    assert AsyncTelephony(SPEC, **given(""), http_client=ahttp).backend_name == library.__name__


def test_one_word_in_the_environment_makes_both_clients_fast(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TELEPHONY_BACKEND", "fast")
    chosen = {**given("fast"), "backend": None}
    with Telephony(SPEC, **chosen) as sync:
        assert sync.backend_name == "urllib3"
    assert AsyncTelephony(SPEC, **chosen).backend_name == "aiohttp"


@pytest.mark.parametrize(
    ("client", "backend", "possible"),
    [
        (Telephony, "aiohttp", "fast, httpx, httpx2, urllib3"),
        (AsyncTelephony, "urllib3", "aiohttp, fast, httpx, httpx2"),
    ],
)
def test_a_backend_of_the_other_client_is_refused_with_those_that_are_possible(
    client: Callable[..., object], backend: str, possible: str, monkeypatch: pytest.MonkeyPatch
):
    for made in (given(backend), {**given(backend), "backend": None}):
        monkeypatch.setenv("TELEPHONY_BACKEND", backend)
        with pytest.raises(ConfigurationError, match=f"serves.*use one of: {possible}"):
            client(SPEC, **made)


def test_a_backend_whose_library_is_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "telephony_core.transport.backends.urllib3_backend", None)
    with pytest.raises(ConfigurationError, match=r"telephony-core\[fast\]"):
        Telephony(SPEC, **given("urllib3"))


def test_the_other_library_is_an_extra_of_its_own(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(ConfigurationError, match=r"telephony-core\[httpx2\]"):
        Telephony(SPEC, **given("httpx2"))


@pytest.mark.parametrize("backend", ["", "httpx", "httpx2", "urllib3"])
def test_only_the_library_that_sends_is_imported(backend: str):
    program = (
        "import sys\n"
        "from telephony_core import Telephony\n"
        f"{f'Telephony({chr(34)}vox{chr(34)}, api_key={chr(34)}k{chr(34)}, backend={backend!r})' if backend else ''}\n"
        "print(*sorted({'aiohttp', 'httpx', 'httpx2', 'urllib3'} & set(sys.modules)))\n"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ([backend] if backend else [])
