"""What is believed of a listing: that every record is met once, that it ends, and that there is one at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from telephony_core.domain.agents import Agent
from telephony_core.domain.phone_number import AvailableNumber, PhoneNumber
from telephony_core.errors import NotFound, UnexpectedResponse
from telephony_core.provider.flow import Flow
from telephony_core.provider.port import Page
from telephony_core.provider.wire import Items

ItemT = TypeVar("ItemT", PhoneNumber, AvailableNumber, Agent)
AnswerT = TypeVar("AnswerT")

LONGEST_LISTING: Final = 10_000
"""Pages of one listing before it is taken for endless."""


class Listing:
    """Keeps one listing honest: every id once, no cursor twice, an end in sight."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._cursors: set[str] = set()

    def accept(self, page: Page[ItemT]) -> Sequence[ItemT]:
        """The records of a page that were not seen before. Raises `UnexpectedResponse` for a listing without end."""
        ids = page.items.ids if isinstance(page.items, Items) else [item.id for item in page.items]
        # Records that change while pages are read move between them, so a listing may show one twice.
        fresh = set(ids)
        new = page.items  # each of them is made when the caller comes for it, and may be gone before the next one
        if len(fresh) < len(ids) or not self._ids.isdisjoint(fresh):
            new = []
            for at, id in enumerate(ids):
                if id not in self._ids:
                    self._ids.add(id)
                    new.append(page.items[at])
        self._ids |= fresh
        if page.cursor is not None:
            if page.cursor in self._cursors:
                raise UnexpectedResponse("the listing does not end: the provider gave the same cursor twice")
            self._cursors.add(page.cursor)
            if len(self._cursors) > LONGEST_LISTING:
                raise UnexpectedResponse(f"the listing did not end within {LONGEST_LISTING} pages")
        return new


def of_a_listing(flow: Flow[AnswerT], of: str = "numbers") -> Flow[AnswerT]:
    """A listing that is not found says nothing about any record: there is no such listing where it was asked for."""
    try:
        return (yield from flow)
    except NotFound as error:
        raise UnexpectedResponse(
            f"there is no listing of {of} at this address: {error.message}",
            remedy="check `base_url`: its host, and the path that belongs to it; leave it out for the provider's own",
            status=error.status,
            code=error.code,
            request_id=error.request_id,
            body=error.body,
        ) from error
