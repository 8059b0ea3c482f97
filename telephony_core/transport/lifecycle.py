"""Until when, in which process and in which event loop a client may send."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Self

from telephony_core.errors import ClientClosed, ConfigurationError

if TYPE_CHECKING:
    import asyncio


class Closing(ABC):
    """What is closed at the end of a ``with``."""

    @abstractmethod
    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClosing(ABC):
    """What is closed at the end of an ``async with``."""

    @abstractmethod
    async def aclose(self) -> None: ...

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class Lifecycle:
    """The life of a client, shared by every copy `with_options` made of it, or of what has clients (``kind``).

    It ends by `end`. A process that was forked off has none of it: connections cannot be shared with a parent.
    """

    def __init__(self, kind: str = "a client") -> None:
        self._kind = kind
        self._process = os.getpid()
        self._ended = False

    @property
    def is_here(self) -> bool:
        """Whether this is the process that made the client."""
        return os.getpid() == self._process

    @property
    def goes_on(self) -> bool:
        """Whether requests may be sent."""
        return self.is_here and not self._ended

    def end(self) -> None:
        self._ended = True

    def check(self) -> None:
        """Raises `ClientClosed` unless requests may be sent."""
        if self.goes_on:
            return
        this = f"this {self._kind.split()[-1]}"
        if self._ended:
            raise ClientClosed(f"{this} is closed")
        raise ClientClosed(
            f"{this} belongs to the process that this one was forked from, and connections cannot be shared",
            remedy=f"make {self._kind} in each process, after the fork",
        )


def require_asyncio() -> None:
    """Raises `ConfigurationError` where asynchronous code runs on something else than asyncio, and names it."""
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        # httpx tells event loops apart by it too, so the name is the one that its users know.
        import sniffio

        try:
            library = sniffio.current_async_library()
        except sniffio.AsyncLibraryNotFoundError:
            library = "no event loop"
    else:
        return
    raise ConfigurationError(
        f"AsyncTelephony runs on asyncio, and this is {library}",
        remedy="use Telephony in a thread (`trio.to_thread.run_sync`, `anyio.to_thread.run_sync`), or run on asyncio",
    )


class LoopAffinity:
    """The event loop to which the connections of an async backend belong: the first one in which it sends."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def is_here(self) -> bool:
        """Whether this is that loop, or nothing was sent yet."""
        import asyncio

        return self._loop in (None, asyncio.get_running_loop())

    def check(self) -> None:
        """Raises `ClientClosed` in any other loop, where those connections would fail in strange ways."""
        import asyncio

        if not self.is_here:
            raise ClientClosed(
                "this client has its connections in another event loop",
                remedy="make a client in each event loop, that is, inside each `asyncio.run`",
            )
        self._loop = asyncio.get_running_loop()
