"""Every request against `openapi.json`, by a validator that is not ours (openapi-core)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from werkzeug.datastructures import Headers, ImmutableMultiDict

from telephony_core.emulator import HttpRequest, Response
from telephony_core.testing.backends import BothBackends
from telephony_core.testing.contract import ContractAccount
from telephony_core.testing.contract.driver import Driver

DOCUMENT: dict[str, Any] = json.loads(files("telephony_retell").joinpath("openapi.json").read_text("utf-8"))
SERVER: str = DOCUMENT["servers"][0]["url"]


@dataclass
class _Judged:
    """A request as openapi-core wants to see it."""

    method: str
    path: str
    body: bytes | None
    content_type: str
    parameters: RequestParameters
    host_url: str = SERVER


@dataclass
class Judge:
    """Collects what is wrong with requests."""

    contract: OpenAPI = field(default_factory=lambda: OpenAPI.from_dict(DOCUMENT))
    judged: int = 0

    def faults(self, request: HttpRequest, base_url: str = SERVER) -> list[str]:
        """What the document has against a request. The query is compared here: openapi-core lets unknown names pass."""
        self.judged += 1
        assert request.url.startswith(base_url + "/")
        parts = urlsplit(request.url[len(base_url) :])
        query = parse_qsl(parts.query, keep_blank_values=True)
        headers = Headers(list(request.headers))
        judged = _Judged(
            request.method.lower(),
            parts.path,
            request.body,
            headers.get("content-type", ""),
            RequestParameters(query=ImmutableMultiDict(query), header=headers),
        )
        operation = DOCUMENT["paths"].get(parts.path, {}).get(request.method.lower(), {})
        known = {each["name"] for each in operation.get("parameters", [])}
        unknown = [f"unknown query parameter {name}" for name, _ in query if name not in known]
        return unknown + [f"{error}: {error.__cause__}" for error in self.contract.iter_request_errors(judged)]


class _JudgedBackend:
    """Judges each request before it goes on."""

    def __init__(self, inner: BothBackends, look: Callable[[HttpRequest], None]) -> None:
        self.name = inner.name
        self._inner = inner
        self._look = look

    def send(self, request: HttpRequest, timeout: float) -> Response:
        self._look(request)
        return self._inner.send(request, timeout)

    async def asend(self, request: HttpRequest, timeout: float) -> Response:
        self._look(request)
        return await self._inner.asend(request, timeout)

    def close(self) -> None:
        self._inner.close()

    async def aclose(self) -> None:
        await self._inner.aclose()


JUDGE = Judge()


class JudgedAccount(ContractAccount):
    """An account of the contract kit, none of whose requests may be against the document."""

    def connect(self, backend: BothBackends, *, base_url: str | None = None, **more: Any) -> Driver:
        base = (base_url or SERVER).rstrip("/")

        def look(request: HttpRequest) -> None:
            faults = JUDGE.faults(request, base)
            assert not faults, f"{request.method} {request.url}: {faults}"

        return super().connect(_JudgedBackend(backend, look), base_url=base_url, **more)
