"""One error in the place of another, and how those that belong together are found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Generic, TypeVar

ErrorT = TypeVar("ErrorT", bound=BaseException)


def linked(error: BaseException, until: BaseException | None = None) -> Iterator[BaseException]:
    """An error and all that it came from or consists of, each once; but not ``until``, nor what lies behind that."""
    seen = {id(None), id(until)}
    links: list[BaseException | None] = [error]
    while links:
        link = links.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        # Both, because crash reporters show both: an error of which only one was cleaned still held a secret.
        links += [link.__context__, link.__cause__]
        if isinstance(link, BaseExceptionGroup):
            links += reversed(link.exceptions)


class instead_of(Generic[ErrorT]):  # noqa: N801 - it reads as the clause that it is
    """Raise another error in the place of one of ``kinds``, and leave nothing of the first one in it.

    ::

        with instead_of(ValueError, lambda _: InvalidInput("the port is not a number")):
            return int(text)

    Libraries quote the input that they refuse, which may be a password. An error that is raised in an ``except`` block
    keeps theirs as its ``__context__``, also with ``from None``, and crash reporters show that one as well. ``make``
    gets the first error and returns the one to raise. A variable that holds the input is still in the frame around:
    delete it in a ``finally``.
    """

    def __init__(self, kinds: type[ErrorT] | tuple[type[ErrorT], ...], make: Callable[[ErrorT], BaseException]) -> None:
        self._kinds = kinds
        self._make = make

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not isinstance(error, self._kinds):
            return
        other = self._make(error)
        # The frame of this method is in the new error's traceback, with its variables.
        del error, trace
        context = other.__context__
        try:
            raise other
        finally:  # raising has put the first error there, as `contextlib.ExitStack` has to undo too
            other.__context__ = context
            del other
