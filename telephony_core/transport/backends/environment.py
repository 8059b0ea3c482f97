"""What the environment says of proxies and certificates, read in one way for every backend: that of httpx."""

from __future__ import annotations

import ipaddress
import os
import ssl
import stat
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies

import certifi

from telephony_core.errors import ConfigurationError, instead_of
from telephony_core.provider.port import is_loopback
from telephony_core.secrets.hidden import HiddenDict, HiddenStr

T = TypeVar("T")

MOST_CONNECTIONS: Final = 100
"""Of one client. What comes on top waits for a free one, no longer than its time-out."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_PROXIES: Final = frozenset({"http", "https", "socks5", "socks5h"})


def trust() -> ssl.SSLContext:
    """Whose certificates are believed: ``SSL_CERT_FILE``, ``SSL_CERT_DIR``, or else Mozilla's list (certifi).

    Raises `ConfigurationError`, which names the variable, where it leads to nothing that can be used; that of
    ``SSLKEYLOGFILE`` as well, which Python writes the keys of every connection to.
    """
    _check_key_log(os.environ.get("SSLKEYLOGFILE"))
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if file:
        _check_kind("SSL_CERT_FILE", file, stat.S_ISREG, "file")
        made = _made("SSL_CERT_FILE", lambda: ssl.create_default_context(cafile=file))
    elif folder:
        for each in filter(None, folder.split(os.pathsep)):
            _check_kind("SSL_CERT_DIR", each, stat.S_ISDIR, "folder")
            _made("SSL_CERT_DIR", partial(os.listdir, each))
        made = _made("SSL_CERT_DIR", lambda: ssl.create_default_context(capath=folder))
    else:
        made = ssl.create_default_context(cafile=certifi.where())
    return made


def _check_key_log(path: str | None) -> None:
    """Opening a pipe would wait for its reader, and what a device says to a write shows only in a handshake."""
    if path and os.path.exists(path):
        _check_kind("SSLKEYLOGFILE", path, stat.S_ISREG, "file")
    if path:
        _made("SSLKEYLOGFILE", lambda: open(path, "ab").close())


def _check_kind(variable: str, path: str, is_kind: Callable[[int], bool], kind: str) -> None:
    """A device may be read without end, and a pipe waited for without end."""
    if not is_kind(_made(variable, lambda: os.stat(path)).st_mode):
        raise _unusable(variable, f"it names no {kind}")


def _made(variable: str, make: Callable[[], T]) -> T:
    def unusable(error: Exception) -> ConfigurationError:
        if isinstance(error, ssl.SSLError):
            return _unusable(variable, f"it holds no certificates in PEM form ({error.reason or 'unreadable'})")
        if isinstance(error, OSError):
            return _unusable(variable, error.strerror or type(error).__name__)
        return _unusable(variable, str(error))  # a NUL in a path

    with instead_of((OSError, ValueError), unusable):
        return make()


def _unusable(variable: str, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"what the environment variable {variable} names cannot be used: {reason}",
        remedy=f"correct {variable}, or unset it",
    )


def origin_of(url: str) -> str:
    """Scheme, host and port of an absolute URL.

    >>> origin_of("https://api.example.com/v3/numbers?limit=100")
    'https://api.example.com'
    """
    end = url.find("/", url.index("://") + 3)
    return url if end < 0 else url[:end]


def proxy_for(url: str, *, socks: bool = False) -> str | None:
    """The proxy by which a URL is reached: ``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY``, ``NO_PROXY`` in either case.

    An entry of ``NO_PROXY`` is ``*``, a host (a domain covers those below it, ``.domain`` covers only these), a
    ``host:port``, an origin or a network such as ``10.0.0.0/8``. What goes to this machine over plain http takes no
    proxy elsewhere, whatever the environment says: its key would leave the machine in clear.

    Raises `ConfigurationError` for a proxy that is no URL, and for a SOCKS proxy unless the backend can use one
    (``socks``). Neither repeats the proxy, which may hold a password.
    """
    parts = urlsplit(url)
    # A proxy's URL may have a password in it.
    named = HiddenDict(getproxies())
    proxy = HiddenStr(named.get(parts.scheme) or named.get("all") or "")
    if not proxy or any(_excepts(entry.strip(), parts) for entry in named.get("no", "").split(",")):
        return None
    if proxy.lower().startswith("socks") and not socks:
        raise ConfigurationError(
            "the environment names a SOCKS proxy, which this backend cannot use",
            remedy="use the backend httpx with httpx[socks] installed, or name an HTTP proxy",
        )
    proxy = HiddenStr(proxy if "://" in proxy else f"http://{proxy}")
    host = _host_of_proxy(proxy)
    if host is None:
        raise ConfigurationError(
            "the proxy that the environment names is no URL of a proxy",
            remedy="write http://host:port; in its password, write `/` as %2F, `#` as %23, `?` as %3F, `@` as %40",
        )
    stays_here = parts.scheme == "http" and is_loopback(parts.hostname or "") and not is_loopback(host)
    return None if stays_here else str(proxy)


def _host_of_proxy(proxy: str) -> str | None:
    """``None`` for what is no URL of a proxy."""
    try:
        parts = urlsplit(proxy)
        # Asked for, because `urlsplit` refuses a bad port only then.
        host, _ = (parts.hostname or "").encode("idna").decode(), parts.port
    except ValueError:
        return None
    if parts.scheme not in _PROXIES or parts.path not in ("", "/") or parts.query or parts.fragment:
        return None
    return host or None


def _excepts(entry: str, url: SplitResult) -> bool:
    if entry in ("", "*"):
        return entry == "*"
    scheme, is_origin, location = entry.rpartition("://")
    # The rules of httpx, one by one: all backends take the same way, whichever is installed.
    if scheme not in ("", "all", url.scheme):
        return False
    if _is_ip(location):
        return url.hostname == location.lower()
    if "/" in location.rstrip("/"):
        return _is_within(location, url.hostname or "")
    try:
        wanted = urlsplit(f"//{location}")
        wanted_port = wanted.port
    except ValueError:  # an entry that nobody can read excepts nothing
        return False
    name, host = (wanted.hostname or "").lstrip("*"), url.hostname or ""
    port = None if url.port == _DEFAULT_PORTS.get(url.scheme) else url.port
    if wanted_port not in (None, port):
        return False
    if name.startswith("."):
        return host.endswith(name)
    whole = host == name
    return whole if is_origin or name == "localhost" or _is_ip(name) else whole or host.endswith(f".{name}")


def _is_within(network: str, host: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
