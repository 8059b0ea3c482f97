"""Choosing a backend by name; its library is imported when a client is made, not before."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from telephony_core.errors import ConfigurationError, InvalidInput
from telephony_core.transport.backend import AsyncBackend, Backend

if TYPE_CHECKING:
    import httpx

DEFAULT: Final = "httpx"
_HTTPX: Final = ("httpx", "httpx2")
"""Two libraries with one interface: the file of the first serves both."""
# "fast" is the faster one of each kind of client, so that one word serves a process with both.
_SYNC: Final = {
    **dict.fromkeys(_HTTPX, ("telephony_core.transport.backends.httpx_backend", "HttpxBackend")),
    "urllib3": ("telephony_core.transport.backends.urllib3_backend", "Urllib3Backend"),
    "fast": ("telephony_core.transport.backends.urllib3_backend", "Urllib3Backend"),
}
_ASYNC: Final = {
    **dict.fromkeys(_HTTPX, ("telephony_core.transport.backends.httpx_backend", "AsyncHttpxBackend")),
    "aiohttp": ("telephony_core.transport.backends.aiohttp_backend", "AiohttpBackend"),
    "fast": ("telephony_core.transport.backends.aiohttp_backend", "AiohttpBackend"),
}


def sync_backend(backend: Backend | str | None, http_client: httpx.Client | None) -> Backend:
    """The backend for `Telephony`. A handed-in client, of httpx or httpx2, always wins.

    Raises `ConfigurationError` or `InvalidInput`.
    """
    if http_client is not None:
        from telephony_core.transport.backends.httpx_backend import HttpxBackend

        library = _library_of(http_client, "Client")
        if library is None:
            raise InvalidInput("Telephony takes an httpx.Client as http_client", remedy="use AsyncTelephony for others")
        return HttpxBackend(http_client, library=library)
    if backend is not None and not isinstance(backend, str):
        if not isinstance(backend, Backend):
            raise InvalidInput("this backend has no send() and close()", remedy="see telephony_core.transport.backend")
        return backend
    made: Backend = _named(backend, _SYNC)
    return made


def async_backend(backend: AsyncBackend | str | None, http_client: httpx.AsyncClient | None) -> AsyncBackend:
    """The backend for `AsyncTelephony`, otherwise the same."""
    if http_client is not None:
        from telephony_core.transport.backends.httpx_backend import AsyncHttpxBackend

        library = _library_of(http_client, "AsyncClient")
        if library is None:
            raise InvalidInput("AsyncTelephony takes an httpx.AsyncClient as http_client", remedy="or use Telephony")
        return AsyncHttpxBackend(http_client, library=library)
    if backend is not None and not isinstance(backend, str):
        if not isinstance(backend, AsyncBackend):
            raise InvalidInput(
                "this backend has no asend() and aclose()", remedy="see telephony_core.transport.backend"
            )
        return backend
    made: AsyncBackend = _named(backend, _ASYNC)
    return made


def _library_of(client: object, kind: str) -> str | None:
    """Which library made this client. One that was not imported made none."""
    for name in _HTTPX:
        if (module := sys.modules.get(name)) is not None and isinstance(client, getattr(module, kind)):
            return name
    return None


def _named(name: str | None, known: dict[str, tuple[str, str]]) -> Any:
    name = name or os.environ.get("TELEPHONY_BACKEND") or DEFAULT
    remedy = f"use one of: {', '.join(sorted(known))}"
    if name in known:
        module, attribute = known[name]
        extra = name if name == "httpx2" else "fast"
        try:
            make = getattr(import_module(module), attribute)
            return make(library=name) if name in _HTTPX else make()
        except ImportError as error:
            reason = f"the backend {name} cannot be imported ({error})"
            remedy = f"install telephony-core[{extra}], or {remedy}"
    elif name in _SYNC or name in _ASYNC:
        here, there = ("Telephony", "AsyncTelephony") if known is _SYNC else ("AsyncTelephony", "Telephony")
        reason = f"the backend {name} serves {there}, not {here}"
    else:
        reason = f"there is no backend {name[:40]!r} here"
    raise ConfigurationError(reason, remedy=remedy)
